"""Places of an output that distance says nothing of: infinite and NaN ones, and whole numbers that hang by a hair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]

LEAST_DECIDED = 0.99
"""The part of whole numbers on which PyTorch's float32 and float64 must agree, or there is nothing to compare with."""


@dataclass(frozen=True, kw_only=True)
class OddPlaces:
    """Masks of the shape of an output, (rows, ...).

    `special`: where PyTorch gives the same infinity, or NaN, in float32 and in float64; the file has to. `undecided`:
    whole numbers and truth values that differ between the two, so that nobody knows the right one.
    """

    special: Mask = field(repr=False)
    undecided: Mask = field(repr=False)

    @property
    def ordinary(self) -> Mask:
        """All others."""
        return ~(self.special | self.undecided)

    def take(self, index: Any) -> OddPlaces:
        """The same for some of the rows."""
        return OddPlaces(special=self.special[index], undecided=self.undecided[index])

    def judged(self, difference: Array, actual: Array, expected: Array) -> Array:
        """The difference with 0 where nothing is compared or the same stands, and infinity where it has to and not."""
        same = alike(actual, expected)
        return np.where(self.special, np.where(same, 0.0, np.inf), np.where(self.undecided, 0.0, difference))


def odd_places(float32: Array, float64: Array) -> OddPlaces | None:
    """Which places of an output of both runs are odd; None where none is, as for most outputs."""
    if float64.dtype.kind != "f":
        undecided = float32 != float64
        return OddPlaces(special=np.zeros_like(undecided), undecided=undecided) if undecided.any() else None
    finite = np.isfinite(float32) & np.isfinite(float64)
    if finite.all():
        return None
    special = ~finite & alike(float32, float64)
    return OddPlaces(special=special, undecided=np.zeros_like(special))


def alike(first: Array, second: Array) -> Mask:
    """Where both are equal, infinite in the same direction, or NaN."""
    same: Mask = first == second
    if first.dtype.kind == "f":
        same |= np.isnan(first) & np.isnan(second)
    return same


def odd_rows(float32: Array, float64: Array) -> Mask:
    """Rows that hold something which is not finite, and not the same in both runs, (rows,)."""
    if float64.dtype.kind != "f":
        return np.zeros(len(float64), bool)
    wrong = ~(np.isfinite(float32) & np.isfinite(float64)) & ~alike(float32, float64)
    return np.array([bool(row.any()) for row in wrong])
