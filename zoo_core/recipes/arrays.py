"""The recipe of arrays whose lengths differ: padded by a declared rule, with a mask where a model takes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_INPUT_ELEMENTS
from zoo_core.npy import array_of_npy

from .padding import Side, mask_of, padded
from .recipe import InputRecipe


class ArrayRecipe(InputRecipe):
    """Arrays (..., L) in memory or in .npy files, of one shape but for the axis that is padded."""

    def __init__(
        self,
        *,
        dtype: str,
        axis: int,
        pad: float,
        side: Side,
        multiple: int,
        length: int | None,
        gives: Literal["values", "mask"],
    ) -> None:
        if multiple < 1 or (length is not None and not 1 <= length <= MAX_INPUT_ELEMENTS):
            raise ZooError(f"recipe array: multiple and length are 1 or more, not {multiple} and {length}")
        self._dtype, self._axis, self._pad, self._gives = dtype, axis, pad, gives
        self._side, self._multiple, self._length = side, multiple, length

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """The length of a mask, where it is fixed."""
        return (self._length,) if self._gives == "mask" else None

    def read(self, source: Any, *, name: str) -> NDArray[Any]:
        """The array in the dtype of the input, none of its numbers changed but for the rounding of floats."""
        if isinstance(source, bytes):
            try:
                source = array_of_npy(source)
            except ValueError as error:
                raise ZooError(f"{name} cannot be read: {error}", hint="write it with numpy.save") from None
        array = np.asarray(source)
        if array.dtype.kind not in "fiub" or array.ndim <= self._axis or 0 in array.shape:
            raise ZooError(
                f"{name}: an array of {array.dtype} of shape {array.shape} has nothing to pad along axis {self._axis}",
                hint="numbers, with the axis that the recipe pads",
            )
        return array.astype(self._dtype)

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """(N, ...), or bool (N, L) for a mask. Raises ZooError for samples that differ along another axis."""
        rule: dict[str, Any] = {"side": self._side, "multiple": self._multiple, "length": self._length}
        if self._gives == "mask":
            return mask_of([sample.shape[self._axis] for sample in samples], **rule)
        others = {sample.shape[: self._axis] + sample.shape[self._axis + 1 :] for sample in samples}
        if len(others) > 1:
            raise ZooError(f"arrays differ along another axis than {self._axis}: {', '.join(map(str, sorted(others)))}")
        return padded(samples, value=self._pad, axis=self._axis, **rule)
