"""Prepared samples on the disk: files of rows, each called by its content and recipe, mapped into memory.

A shard is its rows, one after the other, then a record in JSON, its length and a mark. Rows and record have a checksum,
so that what was cut short or damaged is seen, and made again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import mmap
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, written_whole

from .lazy_rows import Numbers, RowSource
from .sample_readers import Size

ROWS, SEEN = ".rows", ".seen"
"""How the names of files end that hold rows, and of those that only say that their samples can be read."""

_MARK = b"zoorows1"
_TAIL = struct.Struct("<QI8s")
_AHEAD = 2
_ELSEWHERE = "-t feed=streamed, which prepares nothing; or another place: ZOO_CACHE=DIR"


class NoRoomError(ZooError):
    """Prepared samples cannot be written: it says nothing of the samples."""


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What a shard says of itself. `good`: which of its samples can be read; rows are of these alone. `sizes`: of their
    pictures, (H, W), None of other things. `form`: as `form_as_json`; `checksum`: CRC-32 of all rows."""

    form: list[Any]
    good: Sequence[bool]
    sizes: Sequence[Size]
    checksum: int = 0


def form_as_json(form: np.dtype[Any]) -> list[Any]:
    """A form of rows as plain JSON: name, dtype and shape of each array of a row."""
    return [[name, form[name].base.str, list(form[name].shape)] for name in form.names or ()]


def form_from_json(data: Iterable[Any]) -> np.dtype[Any]:
    """The inverse of `form_as_json`."""
    return np.dtype([(name, dtype, tuple(shape)) for name, dtype, shape in data])


def write_shard(path: Path, record: ShardRecord, rows: Iterable[bytes]) -> None:
    """Write a shard whole or not at all. Raises NoRoomError where it cannot be written."""
    checksum = 0
    try:
        with written_whole(path) as file:
            for row in rows:
                checksum = zlib.crc32(row, checksum)
                file.write(row)
            text = json.dumps({**asdict(record), "checksum": checksum}).encode()
            file.write(text)
            file.write(_TAIL.pack(len(text), zlib.crc32(text), _MARK))
    except ZooError as error:
        raise NoRoomError(error.message, hint="; or ".join(filter(None, (error.hint, _ELSEWHERE)))) from error


def read_shard(path: Path, form: np.dtype[Any], *, count: int) -> ShardRecord | None:
    """The record of a shard of `count` samples, held against its checksums; None where there is no whole one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, struct.error), open(path, "rb") as file:
        record, size = _record_in(file)
        if record.form != form_as_json(form) or len(record.good) != count or len(record.sizes) != count:
            return None
        rows = sum(record.good) if path.suffix == ROWS else 0
        if size != rows * form.itemsize:
            return None
        file.seek(0)
        checksum = 0
        while size and (part := file.read(min(size, 1 << 20))):
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
        return record if checksum == record.checksum else None
    return None


def _record_in(file: IO[bytes]) -> tuple[ShardRecord, int]:
    """The record of a shard, and how many bytes lie before it."""
    end = file.seek(0, os.SEEK_END)
    file.seek(end - _TAIL.size)
    length, checksum, mark = _TAIL.unpack(file.read(_TAIL.size))
    start = end - _TAIL.size - length
    file.seek(start)
    text = file.read(length)
    if mark != _MARK or zlib.crc32(text) != checksum:
        raise ValueError("no whole record")
    return ShardRecord(**json.loads(text)), start


class StoredRows(RowSource):
    """Rows in shards: pages of files that all processes share, and that the system may drop and read again."""

    def __init__(self, paths: Sequence[Path], counts: Sequence[int], form: np.dtype[Any]) -> None:
        self.form = form
        self._shards = [_mapped(path, count, form) for path, count in zip(paths, counts, strict=True)]
        self._ends = np.cumsum(counts)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def in_turn(self, wanted: Iterable[Numbers]) -> Iterator[NDArray[Any]]:
        """As `RowSource`; what is not in memory yet is read while a batch before it is used."""
        pending = iter(wanted)
        with ThreadPoolExecutor(1, "zoo-rows") as reading:
            ahead = deque(reading.submit(self._gathered, numbers) for numbers in itertools.islice(pending, _AHEAD))
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(reading.submit(self._gathered, numbers) for numbers in itertools.islice(pending, 1))

    def read(self, numbers: Numbers) -> NDArray[Any]:
        """As `RowSource`."""
        return self._gathered(numbers)

    def _gathered(self, numbers: Numbers) -> NDArray[Any]:
        found = np.empty((len(numbers), self.form.itemsize), np.uint8)
        shards = np.searchsorted(self._ends, numbers, side="right")
        for place, (shard, number) in enumerate(zip(shards.tolist(), numbers.tolist(), strict=True)):
            rows = self._shards[shard]
            found[place] = rows[number - int(self._ends[shard])]  # counted from the end, which is below 0
        return found.view(self.form)[:, 0]


def _mapped(path: Path, count: int, form: np.dtype[Any]) -> NDArray[np.uint8]:
    """The rows of a shard as bytes, (count, bytes of a row), shared with whoever maps it."""
    if not count:
        return np.empty((0, form.itemsize), np.uint8)
    with clear_io_errors("cannot read", path), open(path, "rb") as file:
        pages = mmap.mmap(file.fileno(), count * form.itemsize, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, np.uint8).reshape(count, form.itemsize)
