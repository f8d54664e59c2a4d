"""How far answers are from those that they are held against, as a part of what is allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RELATIVE = 1e-3
"""Of the largest value of an output: what is allowed where nobody has proved a bound."""
EPSILON = 2.0**-23
LEAST_EQUAL = 0.99
"""Of whole numbers and flags, which part must be equal."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far answers are from those that they are held against: the worst output, as a part of what is allowed."""

    output: str = ""
    largest: float = 0.0
    allowed: float = 0.0
    shapes: str = ""

    @property
    def used(self) -> float:
        """The part of what is allowed that is used; above 1 the answers are wrong."""
        if self.shapes or math.isnan(self.largest):
            return math.inf
        return 0.0 if not self.largest else self.largest / self.allowed if self.allowed else math.inf

    @property
    def is_right(self) -> bool:
        """Whether the answers are within what is allowed."""
        return self.used <= 1

    def __str__(self) -> str:
        if self.is_right:
            return "equal" if not self.largest else f"{self.used:.2g} of bound"
        if self.shapes:
            return f"WRONG: {self.output} has the shape {self.shapes}"
        return f"WRONG: {self.output} is off by {self.largest:.3g}, and {self.allowed:.3g} is allowed"


def worst(agreements: list[Agreement]) -> Agreement:
    """The one that uses most of what is allowed."""
    return max(agreements, key=lambda each: each.used, default=Agreement())


def agreement(found: Arrays, expected: Arrays, *, bounds: Mapping[str, float] | None, loss: float = 1.0) -> Agreement:
    """The worst output of a batch; `bounds` are those of the export's own check, None where there is none.

    `loss`: how many times more is allowed to what rounds so many times more coarsely than float32.
    """
    outputs = [_one(name, found[name], value, bounds, loss) for name, value in expected.items() if name in found]
    missing = [Agreement(output=name, shapes="of nothing: it is missing") for name in expected if name not in found]
    return worst([*outputs, *missing])


def _one(
    name: str, found: NDArray[Any], expected: NDArray[Any], bounds: Mapping[str, float] | None, loss: float
) -> Agreement:
    if found.shape != expected.shape:
        return Agreement(output=name, shapes=f"{list(found.shape)}, not {list(expected.shape)}")
    if expected.dtype.kind != "f":
        part = float(np.mean(found != expected)) if expected.size else 0.0
        return Agreement(output=name, largest=part, allowed=1 - LEAST_EQUAL)
    mine, theirs = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.where((mine == theirs) | (np.isnan(mine) & np.isnan(theirs)), 0.0, np.abs(mine - theirs))
    size = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)
    allowed = loss * bounds[name] if bounds and name in bounds else max(RELATIVE, loss * EPSILON) * float(size)
    return Agreement(output=name, largest=float(apart.max(initial=0.0)), allowed=float(allowed))
