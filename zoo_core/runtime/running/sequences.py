"""Sequences of numbers that people bring: a row for each place, a column for each channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.shapes import TensorSpec

from .numbers import read_numbers, unreadable


def read_sequence(path: Path) -> NDArray[np.float32]:
    """The numbers of one file: float32, shape (L, C), a row for each place.

    A CSV has commas, and may have a first line of names; an .npy file has the shape (L,) or (L, C). Raises as
    `read_numbers`.
    """
    values: NDArray[Any] = read_numbers(path, dtype="float32").values
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise unreadable(str(path), f"its shape is {values.shape}, and must be (length,) or (length, channels)")
    return values


def sequence_input(values: NDArray[np.float32], spec: TensorSpec, *, where: str) -> NDArray[np.float32]:
    """A sequence (L, C) as a batch of one for this input: (1, C, L), or (1, L) where it has no axis for channels."""
    if len(spec.axes) == 3:
        return np.ascontiguousarray(values.T[np.newaxis])
    if len(spec.axes) == 2 and values.shape[1] == 1:
        return np.ascontiguousarray(values.T)
    raise ZooError(f"{where} has {values.shape[1]} columns, and the model takes {spec}", hint="a column is a channel")
