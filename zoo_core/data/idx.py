"""The IDX format of MNIST and its relatives, plain or gzipped: a strict reader, and a writer."""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import (
    MAX_ARCHIVE_BYTES,
    MAX_AXES,
    MAX_EXPANSION,
    MAX_SMALL_UNPACKED_BYTES,
    MAX_UNPACKED_BYTES,
)
from zoo_core.files import clear_io_errors, plain_file

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PIECE = 16 * 2**20


class Readable(Protocol):
    """What is needed of an open file, plain or gzipped."""

    def read(self, size: int = ..., /) -> bytes:
        """At most `size` bytes; none at the end."""


def read_idx(source: Path | bytes, *, name: str = "") -> NDArray[Any]:
    """The array in an IDX file, in the machine's byte order; gzip is recognised by its content.

    `name` is what messages call the file when `source` is bytes. Raises RefusedFileError for another format, ZooError
    for a file that is missing, damaged, or shorter or longer than its header says.
    """
    name = name or (str(source) if isinstance(source, Path) else "IDX data")
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), name, len(source))
    with plain_file(source, most=MAX_ARCHIVE_BYTES) as file, clear_io_errors("cannot read", source):
        return _read(file, name, os.fstat(file.fileno()).st_size)


def _read(file: IO[bytes], name: str, packed: int) -> NDArray[Any]:
    start = file.read(2)
    file.seek(0)
    if start != b"\x1f\x8b":
        return _parse(file, name, most=MAX_UNPACKED_BYTES)
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            most = min(MAX_UNPACKED_BYTES, max(MAX_SMALL_UNPACKED_BYTES, MAX_EXPANSION * packed))
            return _parse(unpacked, name, most=most)
    except EOFError:
        raise ZooError(f"{name} is truncated: the gzip stream ends too early", hint="fetch the file again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ZooError(f"{name} is damaged: {error}", hint="fetch the file again") from None


def _parse(file: Readable, name: str, *, most: int) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4:
        raise ZooError(
            f"{name} is truncated: {len(magic)} bytes, an IDX file has at least 8", hint="fetch the file again"
        )
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not magic[3]:
        raise RefusedFileError(
            f"{name} is not an IDX file: it starts with {magic.hex(' ')}",
            hint="an IDX file starts with 00 00, a type (08 to 0e) and the number of dimensions",
        )
    dtype = np.dtype(_DTYPES[magic[2]])
    if magic[3] > MAX_AXES:
        raise RefusedFileError(f"{name} announces {magic[3]} dimensions, and {MAX_AXES} is the most")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ZooError(
            f"{name} is truncated in its header: {magic[3]} dimensions are announced", hint="fetch the file again"
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    expected = math.prod(shape) * dtype.itemsize
    if (announced := math.prod(max(1, size) for size in shape) * dtype.itemsize) > most:
        raise RefusedFileError(
            f"{name} announces {announced:,} bytes of shape {shape}, more than the {most:,} that are read of it",
            hint="fetch the file again; an honest one is not packed that small",
        )
    content = _read_up_to(file, expected + 1)
    if len(content) != expected:
        found = f"there are {len(content):,}" if len(content) < expected else "there are more"
        raise ZooError(
            f"{name} is {'truncated' if len(content) < expected else 'damaged'}: "
            f"shape {shape} needs {expected:,} bytes of data, but {found}",
            hint="fetch the file again",
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_up_to(file: Readable, count: int) -> bytearray:
    # In pieces: the header may announce far more than there is, and a read of that size would ask for the memory first.
    content = bytearray()
    while len(content) < count and (piece := file.read(min(_PIECE, count - len(content)))):
        content += piece
    return content


def idx_bytes(array: NDArray[Any], *, compressed: bool = False) -> bytes:
    """`array` as an IDX file; `compressed` gives a gzip without a date, so that the same array gives the same bytes."""
    codes = {np.dtype(text).newbyteorder("="): code for code, text in _DTYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= 255:
        raise ZooError(f"IDX cannot hold {array.dtype} of shape {array.shape}")
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.astype(_DTYPES[code]).tobytes()
    return gzip.compress(content, 9, mtime=0) if compressed else content
