"""Reading sequences of numbers that people bring: CSV, with a column for each channel, or .npy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import MAX_SEQUENCE_BYTES
from zoo_core.files import clear_io_errors
from zoo_core.shapes import TensorSpec

from .number_tables import array_of_npy, table_of_csv

SUFFIXES = (".csv", ".npy")
"""The file names that are read."""


def read_sequence(path: Path) -> NDArray[np.float32]:
    """The numbers of one file: float32, shape (L, C), a row for each place.

    A CSV has commas, and may have a first line of names; an .npy file has the shape (L,) or (L, C). Raises
    RefusedFileError for another kind of file or one over 64 MB, ZooError for a missing or damaged one, and for NaN.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RefusedFileError(
            f"{path} is not a sequence file that is read here", hint=f"files that end in {_suffixes()}"
        )
    with clear_io_errors("cannot read sequence", path), path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_SEQUENCE_BYTES:
            raise RefusedFileError(f"sequence {path} has over 64 MB", hint="cut it into pieces")
        content = file.read()
    values = _from_csv(content, path) if path.suffix.lower() == ".csv" else _from_npy(content, path)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2 or 0 in values.shape:
        raise _damaged(path, f"its shape is {values.shape}, and must be (length,) or (length, channels)")
    with np.errstate(over="ignore"):  # what is too large is told below
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        row, column = np.argwhere(~np.isfinite(numbers))[0]
        raise _damaged(path, f"row {row + 1}, column {column + 1} is not a finite number")
    return numbers


def sequence_input(values: NDArray[np.float32], spec: TensorSpec, *, where: str) -> NDArray[np.float32]:
    """A sequence (L, C) as a batch of one for this input: (1, C, L), or (1, L) where it has no axis for channels."""
    if len(spec.axes) == 3:
        return np.ascontiguousarray(values.T[np.newaxis])
    if len(spec.axes) == 2 and values.shape[1] == 1:
        return np.ascontiguousarray(values.T)
    raise ZooError(f"{where} has {values.shape[1]} columns, and the model takes {spec}", hint="a column is a channel")


def _from_csv(content: bytes, path: Path) -> NDArray[np.float64]:
    try:
        return table_of_csv(content)
    except ValueError as error:
        raise _damaged(path, str(error)) from None


def _from_npy(content: bytes, path: Path) -> NDArray[Any]:
    if not content.startswith(b"\x93NUMPY"):
        raise RefusedFileError(
            f"{path} is not what its name says: it is not a .npy file", hint="write it with numpy.save"
        )
    try:
        return array_of_npy(content)
    except ValueError as error:
        raise _damaged(path, str(error)) from None


def _suffixes() -> str:
    return " or ".join(SUFFIXES)


def _damaged(path: Path, why: str) -> ZooError:
    return ZooError(f"sequence {path} cannot be read: {why}", hint="a number for each place and channel")
