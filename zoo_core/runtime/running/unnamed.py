"""Inputs that no recipe is named for, where others of the same model have one: a picture, or numbers as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_PICTURE_BYTES
from zoo_core.picture_recipe import Preprocess
from zoo_core.recipes import InputRecipe, PictureRecipe
from zoo_core.records import counted
from zoo_core.shapes import TensorSpec

from .arrangement import arrange
from .numbers import SUFFIXES as NUMBER_SUFFIXES
from .numbers import as_dtype, read_numbers


class _Picture(InputRecipe):
    """An input without a recipe of its own in a file that takes pictures: one of them, or numbers as `_AsGiven`."""

    most_bytes = MAX_PICTURE_BYTES

    def __init__(self, spec: TensorSpec, preprocess: Preprocess) -> None:
        self._picture, self._numbers = PictureRecipe(preprocess), _AsGiven(spec)

    def read(self, source: Any, *, name: str) -> NDArray[Any]:
        """The pixels, prepared; numbers, in memory or in a .npy file or a CSV, are so already."""
        array = isinstance(source, np.ndarray) and source.dtype != np.uint8
        if array or Path(name).suffix.lower() in NUMBER_SUFFIXES:
            return self._numbers.read(source, name=name)
        prepared: NDArray[Any] = self._picture.prepare(self._picture.read(source, name=name)[np.newaxis])[0]
        return prepared

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """Raises ZooError for pictures that differ in size, which are run one by one then."""
        if len({sample.shape for sample in samples}) > 1:
            raise ZooError("pictures of one input differ in size")
        return np.stack(samples)


def _is_picture(spec: TensorSpec, preprocess: Preprocess | None) -> bool:
    """Whether an input has the axes of a picture with the channels of the recipe."""
    if preprocess is None or len(spec.axes) != 4 or not spec.dtype.startswith("float"):
        return False
    return spec.axes[1 if preprocess.layout == "NCHW" else 3] == preprocess.channels


class _AsGiven(InputRecipe):
    """An input without a recipe: numbers of the shape of one sample, in memory, in a .npy file or a CSV."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec = spec

    def read(self, source: Any, *, name: str) -> NDArray[Any]:
        """The numbers, in the dtype and the shape that are declared."""
        if isinstance(source, np.ndarray):
            values = as_dtype(source, self._spec.dtype, name=name)
        else:
            values = read_numbers(source, dtype=self._spec.dtype, name=name).values
        found = arrange(values, self._spec, sequences=False, where=name)
        if len(found.rows) != 1:
            raise ZooError(
                f"{name} holds {counted(len(found.rows), 'sample')}", hint="one file a sample, for each input"
            )
        row: NDArray[Any] = found.rows[0]
        return row


def unnamed(spec: TensorSpec, preprocess: Preprocess | None) -> InputRecipe:
    """How an input is made that no recipe is named for."""
    if preprocess is not None and _is_picture(spec, preprocess):
        return _Picture(spec, preprocess)
    return _AsGiven(spec)
