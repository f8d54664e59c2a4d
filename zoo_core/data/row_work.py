"""What a process does that reads samples: rows for a batch, or a shard of prepared ones. It knows no torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from zoo_core.errors import RefusedFileError, UsageError, ZooError
from zoo_core.files import io_error
from zoo_core.locks import held
from zoo_core.pictures import max_pixels

from .sample_readers import Asked, SampleReader, Size, digest_of
from .shards import ROWS, SEEN, NoRoomError, ShardRecord, form_as_json, form_from_json, read_shard, write_shard

FORMAT = 1
"""Of rows: raised when the same content and recipe would make others."""

_SAME_AGAIN = "the reader of a StreamSplit gives the same sample for a number each time, in each process"


def do_work(reader: SampleReader, task: Mapping[str, Any], room: memoryview | None) -> dict[str, Any]:
    """Fill `room` with the rows that are asked for, or where there is none make sure that a shard of them is there."""
    if room is not None:
        return fill_rows(reader, task["asked"], room, form=form_from_json(task["form"]), digests=task.get("digests"))
    form = form_from_json(task["form"])
    return make_shard(reader, task["asked"], form=form, folder=Path(task["folder"]), stored=task["stored"])


def fill_rows(
    reader: SampleReader,
    asked: Sequence[Asked],
    room: memoryview,
    *,
    form: np.dtype[Any],
    digests: Sequence[str] | None,
) -> dict[str, Any]:
    """Read samples into rows one after the other. The answer has the digest and size of each, and the `bad` ones.

    `digests`: what each was when the training began; raises ZooError for one that is another now.
    """
    rows = np.frombuffer(room, form, count=len(asked))
    found: dict[str, Any] = {"digests": [], "sizes": [], "bad": []}
    for place, each in enumerate(asked):
        try:
            content = reader.content(each)
            digest = digest_of(content).hex()
            if digests is not None and digest != digests[place]:
                raise ZooError(
                    f"{_called(each)} has changed since the data were looked through",
                    hint=_SAME_AGAIN if isinstance(each, int) else "begin again, or bring it back as it was",
                )
            size = _fill(rows, place, reader, content, each)
        except UsageError:
            raise
        except ZooError as error:
            if digests is not None:
                raise
            found["bad"].append([place, *error_as_json(error)])
            digest, size = "", None
        found["digests"].append(digest)
        found["sizes"].append(size)
    return found


def make_shard(
    reader: SampleReader, asked: Sequence[Asked], *, form: np.dtype[Any], folder: Path, stored: bool
) -> dict[str, Any]:
    """Make sure that a whole shard of these samples is there: `{key, made, digests, good, sizes, bad}`.

    Its name says what is in it, so it is made once, whoever needs it. `{busy: true}` while another process makes it.
    """
    digests, bad = _digests(reader, asked)
    key = _key(reader, form, digests)
    path = folder / f"{key}{ROWS if stored else SEEN}"
    record, made = read_shard(path, form, count=len(asked)), False
    record = record and _still_bad(reader, asked, record, bad)
    if record is None:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with held(folder / f".{key}.lock", busy=BlockingIOError()):
                record, made = _made(path, reader, asked, digests, bad, form=form, stored=stored), True
        except BlockingIOError:
            return {"busy": True}
        except (NoRoomError, OSError) as error:
            if stored:
                raise _no_room(error, folder) from error
            record = _looked_at(reader, asked, digests, bad, form=form)
    told = [[place, *error_as_json(error)] for place, error in sorted(bad.items())]
    good, sizes = list(record.good), list(record.sizes)
    return {"key": key, "made": made, "digests": digests, "good": good, "sizes": sizes, "bad": told}


def _no_room(error: NoRoomError | OSError, folder: Path) -> NoRoomError:
    if isinstance(error, NoRoomError):
        return error
    told = io_error("cannot write", folder, error)
    return NoRoomError(told.message, hint=told.hint)


def _digests(reader: SampleReader, asked: Sequence[Asked]) -> tuple[list[str], dict[int, ZooError]]:
    """The digest of each sample, empty for those that cannot be read, which are bad."""
    digests: list[str] = []
    bad: dict[int, ZooError] = {}
    for place, each in enumerate(asked):
        try:
            digests.append(digest_of(reader.content(each)).hex())
        except UsageError:
            raise
        except ZooError as error:
            bad[place] = error
            digests.append("")
    return digests, bad


def _key(reader: SampleReader, form: np.dtype[Any], digests: Sequence[str]) -> str:
    named = [FORMAT, PIL.__version__, max_pixels(), reader.decides, form_as_json(form), list(digests)]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:40]


def _still_bad(
    reader: SampleReader, asked: Sequence[Asked], record: ShardRecord, bad: dict[int, ZooError]
) -> ShardRecord | None:
    """The record, once it is known again why its bad samples are bad; None where one of them can be read by now."""
    form = form_from_json(record.form)
    for place in (place for place, good in enumerate(record.good) if not good and place not in bad):
        try:
            _fill(np.empty(1, form), 0, reader, reader.content(asked[place]), asked[place])
        except UsageError:
            raise
        except ZooError as error:
            bad[place] = error
        else:
            return None
    return record


def _made(
    path: Path,
    reader: SampleReader,
    asked: Sequence[Asked],
    digests: Sequence[str],
    bad: dict[int, ZooError],
    *,
    form: np.dtype[Any],
    stored: bool,
) -> ShardRecord:
    # Another process may have made it since it was looked for.
    found = read_shard(path, form, count=len(asked))
    if found is not None and (known := _still_bad(reader, asked, found, bad)) is not None:
        return known
    sizes: list[Size] = []
    good: list[bool] = []
    record = ShardRecord(form=form_as_json(form), good=good, sizes=sizes)
    rows = _rows(reader, asked, digests, bad, form=form, sizes=sizes, good=good)
    write_shard(path, record, rows if stored else [b"" for _ in rows])
    return record


def _looked_at(
    reader: SampleReader, asked: Sequence[Asked], digests: Sequence[str], bad: dict[int, ZooError], *, form: Any
) -> ShardRecord:
    """What a shard would say of these samples, where none can be written."""
    sizes: list[Size] = []
    good: list[bool] = []
    for _ in _rows(reader, asked, digests, bad, form=form, sizes=sizes, good=good):
        pass
    return ShardRecord(form=form_as_json(form), good=good, sizes=sizes)


def _rows(
    reader: SampleReader,
    asked: Sequence[Asked],
    digests: Sequence[str],
    bad: dict[int, ZooError],
    *,
    form: np.dtype[Any],
    sizes: list[Size],
    good: list[bool],
) -> Iterator[bytes]:
    """The rows of the samples that can be read, and of all samples their sizes and whether they can."""
    row = np.empty(1, form)
    for place, each in enumerate(asked):
        size: Size = None
        try:
            if place not in bad:
                content = reader.content(each)
                if digest_of(content).hex() != digests[place]:
                    hint = _SAME_AGAIN if isinstance(each, int) else "wait until nobody writes there"
                    raise ZooError(f"{_called(each)} changes while it is read", hint=hint)
                size = _fill(row, 0, reader, content, each)
        except UsageError:
            raise
        except ZooError as error:
            bad[place] = error
        sizes.append(size)
        good.append(place not in bad)
        if good[-1]:
            yield row.tobytes()


def _fill(rows: Any, place: int, reader: SampleReader, content: Any, asked: Asked) -> Size:
    """Put one sample into its row. Raises ZooError where it does not have the form of the others."""
    arrays, size = reader.row(content, asked)
    for name, array in arrays.items():
        into = rows[name]
        if array.shape != into.shape[1:] or array.dtype != into.dtype:
            raise DifferentFormError(
                _different(array, into[0], name=_called(asked)),
                hint="give one size for all (datasets: -d size=N), or keep them in memory: -t feed=memory",
            )
        into[place] = array
    return size


class DifferentFormError(ZooError):
    """A sample has another shape or dtype than those before it."""


def _different(array: Any, wanted: Any, *, name: str) -> str:
    if array.dtype == np.uint8 == wanted.dtype and array.ndim == wanted.ndim == 3:
        return (
            f"pictures differ in size: {name} has {array.shape[-2]} x {array.shape[-1]} pixels, "
            f"those before it {wanted.shape[-2]} x {wanted.shape[-1]}"
        )
    return f"samples differ: {name} is {array.dtype} {array.shape}, those before it {wanted.dtype} {wanted.shape}"


def _called(asked: Asked) -> str:
    return asked if isinstance(asked, str) else f"sample {asked}"


def error_as_json(error: ZooError) -> list[str | None]:
    kinds = {RefusedFileError: "refused", DifferentFormError: "differs", NoRoomError: "no room"}
    return [kinds.get(type(error), ""), error.message, error.hint]


def error_from(kind: str, message: str, hint: str | None) -> ZooError:
    """The error that a bad sample was found with."""
    kinds = {"refused": RefusedFileError, "differs": DifferentFormError, "no room": NoRoomError}
    return kinds.get(kind, ZooError)(message, hint=hint)
