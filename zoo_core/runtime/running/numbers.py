"""Reading numbers that people bring: CSV or .npy, in the dtype that the model takes, and none of them changed."""

from __future__ import annotations

import array
import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import MAX_LINE, MAX_NUMBERS_BYTES
from zoo_core.files import read_plain
from zoo_core.npy import array_of_npy

SUFFIXES = (".csv", ".npy")
"""The file names that are read."""

_NPY = b"\x93NUMPY"
_TRUTH = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What is in a file of numbers. Of a CSV, `values` has rows and columns; `header` is its first line, if names."""

    values: NDArray[Any]
    header: tuple[str, ...] | None = None


def read_numbers(source: Path | bytes, *, dtype: str, name: str = "") -> Numbers:
    """The numbers of one file, in `dtype`.

    A CSV has commas, and may have a first line of names. `name` is what messages call `source` where that is the
    content itself. Raises RefusedFileError for another kind of file or one over 64 MB, ZooError for a missing or
    damaged one, for NaN and infinity, and for numbers that `dtype` cannot hold as they are.
    """
    name = name or (str(source) if isinstance(source, Path) else "input")
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES and (isinstance(source, Path) or suffix):
        raise RefusedFileError(
            f"{name} is not a file of numbers that is read here", hint=f"files that end in {' or '.join(SUFFIXES)}"
        )
    content = _content_of(source) if isinstance(source, Path) else source
    if len(content) > MAX_NUMBERS_BYTES:
        raise _too_large(name)
    if suffix == ".npy" or (not suffix and content.startswith(_NPY)):
        return Numbers(values=as_dtype(_from_npy(content, name), dtype, name=name))
    values, header = _from_csv(content, name, dtype)
    return Numbers(values=as_dtype(values, dtype, name=name), header=header)


def as_dtype(values: NDArray[Any], dtype: str, *, name: str) -> NDArray[Any]:
    """The same numbers in another dtype. Floats are rounded to the nearest; everything else is kept, or a ZooError."""
    if values.dtype.kind not in "fiub":
        raise unreadable(name, f"it holds {values.dtype}, not numbers")
    if 0 in values.shape:
        raise unreadable(name, f"its shape is {values.shape}: there are no numbers in it")
    if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
        raise unreadable(name, f"{_place(~finite)} is not a finite number")
    with np.errstate(over="ignore", invalid="ignore"):
        made = values.astype(dtype)
        lost = _lost(values, made)
    if lost.any():
        raise unreadable(
            name,
            f"{_place(lost)} is {values[lost][0]}, and cannot be {dtype} without being changed",
            hint=f"the model takes {dtype}",
        )
    return made


def unreadable(name: str, why: str, *, hint: str = "a table of numbers with commas, or numpy.save") -> ZooError:
    """The error for a file whose content is not what it should be."""
    return ZooError(f"{name} cannot be read: {why}", hint=hint)


def _content_of(path: Path) -> bytes:
    return read_plain(path, most=MAX_NUMBERS_BYTES, too_large=_too_large(str(path)))


def _too_large(name: str) -> RefusedFileError:
    return RefusedFileError(f"{name} has over 64 MB", hint="cut it into pieces")


def _from_csv(content: bytes, name: str, dtype: str) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    code, number_of, kind = _cells_of(dtype)
    held = array.array(code)
    header: tuple[str, ...] | None = None
    rows = columns = 0
    try:
        for row in csv.reader(_lines(content, name)):
            if not row:
                continue
            if rows == 0 and header is None and not _is_number(row[0], number_of):
                header = tuple(cell.strip() for cell in row)
                continue
            rows, columns = rows + 1, columns or len(row)
            if len(row) != columns:
                raise unreadable(name, f"row {rows} has {len(row)} columns, those before it {columns}")
            for cell in row:
                try:
                    held.append(number_of(cell))
                except (ValueError, OverflowError):
                    raise unreadable(name, f"row {rows} holds {cell[:40]!r}, which is not {kind}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(name, str(error)) from None
    if not rows:
        raise unreadable(name, "there are no numbers in it")
    return np.frombuffer(held, dtype=np.dtype(code)).reshape(rows, columns), header


def _lines(content: bytes, name: str) -> Iterator[str]:
    """A line at a time: as a list of texts, a line takes 60 times its memory."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise unreadable(name, f"a line has more than {MAX_LINE:,} characters")
        yield line


def _cells_of(dtype: str) -> tuple[str, Callable[[str], Any], str]:
    """How the cells of a table are kept, how one of them is read, and what messages call it."""
    if dtype == "bool":
        return "b", lambda cell: _TRUTH[cell.strip().lower()] if cell.strip().lower() in _TRUTH else _wrong(), "a truth"
    if dtype.startswith("float"):
        return "d", _real, "a number"
    return "q", _whole, "a whole number"


def _wrong() -> int:
    raise ValueError


def _real(cell: str) -> float:
    if "_" in cell:  # Python takes it for a thousands separator, and nobody else does
        raise ValueError
    return float(cell)


def _whole(cell: str) -> int:
    if "_" in cell:
        raise ValueError
    try:
        return int(cell)
    except ValueError:
        value = float(cell)
        if not value.is_integer():
            raise
        return int(value)


def _is_number(cell: str, number_of: Callable[[str], Any]) -> bool:
    """Whether a cell of the first line belongs to the data; also where it is a number of the wrong kind."""
    for read in (number_of, _real):
        try:
            read(cell)
        except (ValueError, OverflowError):
            continue
        return True
    return False


def _from_npy(content: bytes, name: str) -> NDArray[Any]:
    if not content.startswith(_NPY):
        raise RefusedFileError(
            f"{name} is not what its name says: it is not a .npy file", hint="write it with numpy.save"
        )
    try:
        return array_of_npy(content)
    except ValueError as error:
        raise unreadable(name, str(error)) from None


def _lost(values: NDArray[Any], made: NDArray[Any]) -> NDArray[np.bool_]:
    """Which numbers are not the same any more."""
    before, after = values.dtype.kind, made.dtype.kind
    if before == "b" or values.dtype == made.dtype:
        lost: Any = np.zeros(values.shape, np.bool_)
    elif after == "b":
        lost = (values != 0) & (values != 1)
    elif after == "f":
        lost = ~np.isfinite(made) if before == "f" else made.astype(values.dtype) != values
    elif before == "f":
        limits = np.iinfo(made.dtype)
        beyond = math.ldexp(1, int(limits.max).bit_length())  # the first one beyond, which every float dtype has
        lost = (values != np.trunc(values)) | (values < float(limits.min)) | (values >= beyond)
    else:
        lost = (made.astype(values.dtype) != values) | ((made < 0) != (values < 0))
    return np.asarray(lost, np.bool_)


def _place(where: NDArray[np.bool_]) -> str:
    """The first place that is true, as people count in a table: from 1; else as numpy counts."""
    index = tuple(int(part) for part in np.argwhere(where)[0])
    return f"row {index[0] + 1}, column {index[1] + 1}" if len(index) == 2 else f"the number at {index}"
