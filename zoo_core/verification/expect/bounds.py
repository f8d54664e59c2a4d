"""How far an output may be from the float64 reference: a bound from the model's own rounding noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, OutputError

from .odd_places import LEAST_DECIDED, OddPlaces, odd_places

Array = NDArray[Any]

FLOOR_FACTOR = 4.0
EPS_FACTOR = 8.0
CORNER_FACTOR = 64.0
"""For zeros, constants and extremes: few rows, where a normalisation amplifies the rounding of a variance of zero.
Measured on GroupNorm and InstanceNorm nets: onnxruntime's error is up to 13 times PyTorch's own there."""
LARGEST_FLOOR = 1e-3
"""A model whose float32 result is further from float64 than that is no reference for anything."""
EPS = float(np.finfo(np.float32).eps)
RELATIVE_FACTOR = 1e-5
SMALL_SCALE = 1e-3
FEW_NUMBERS = 8
"""A row of fewer may be small because its terms cancel: it is measured by the other rows, as if all were one row."""
FEW_FACTOR = 2.0
"""The largest of ten numbers, or of their errors, is about half of the largest of a thousand."""
HALF_A_STEP = 0.5
"""The bound of whole numbers and truth values: the next one is another one."""

Reference = Literal["float64", "relative"]


@dataclass(frozen=True, kw_only=True)
class Constants:
    """The constants of the rule, as the check uses them; others only show what they would do.

    Evidence for each: docs/bound-constants.md.
    """

    floor_factor: float = FLOOR_FACTOR
    eps_factor: float = EPS_FACTOR
    corner_factor: float = CORNER_FACTOR
    relative_factor: float = RELATIVE_FACTOR
    small_scale: float = SMALL_SCALE


CONSTANTS = Constants()


@dataclass(frozen=True, kw_only=True)
class RowNoise:
    """What the bounds of an output's rows follow from; all arrays are (rows,), in the output's units.

    `size` is max|float64| and `gap` max|float32 - float64|. `corner`, `moved` and `known_floor` as in `bound_output`;
    `moved` is None where it was not measured. `whole`: the output consists of whole numbers or truth values. `few`: a
    row has so few numbers that it has no size of its own.
    """

    size: Array
    gap: Array
    corner: NDArray[np.bool_]
    moved: Array | None = None
    known_floor: float = 0.0
    known_corner_floor: float = 0.0
    reference: Reference = "float64"
    whole: bool = False
    few: bool = False


@dataclass(frozen=True, kw_only=True)
class RowLimits:
    """Scale, rounding floor and bound of each row, (rows,), and the relative floors of plausible and of corner rows."""

    scale: Array
    floor: Array
    bound: Array
    relative_floor: float
    corner_floor: float


@dataclass(frozen=True, kw_only=True)
class OutputBound:
    """What one output is compared with: the reference rows, and how far each row may be from it.

    `expected` is (rows, ...) in float64; `scale`, `floor` (rounding noise of rows of that kind) and `bound` are
    (rows,), in the output's units; `relative_floor` is the largest rounding noise of a plausible row relative to its
    scale, and `corner_floor` that of a corner row. `noise`: what they follow from, of all rows, also in a part of them.
    `odd`: places that are not compared by distance; None where all are.
    """

    name: str
    expected: Array
    scale: Array
    floor: Array
    bound: Array
    relative_floor: float
    corner_floor: float
    noise: RowNoise
    odd: OddPlaces | None = field(default=None, repr=False)

    @property
    def has_signal(self) -> bool:
        """False when the reference is zero in every row: then nothing can be concluded."""
        return bool(np.any(self.scale > 0))

    def take(self, index: Any) -> OutputBound:
        """The same for some of the rows."""
        return OutputBound(
            name=self.name,
            expected=self.expected[index],
            scale=self.scale[index],
            floor=self.floor[index],
            bound=self.bound[index],
            relative_floor=self.relative_floor,
            corner_floor=self.corner_floor,
            noise=self.noise,
            odd=self.odd and self.odd.take(index),
        )

    @property
    def is_decided(self) -> bool:
        """Whether PyTorch itself is sure of nearly all of it; always, but for whole numbers that hang by a hair."""
        return self.odd is None or float(np.mean(~self.odd.undecided)) >= LEAST_DECIDED


def _row_max(values: Array) -> Array:
    """max|values| of each row, NaN where one is NaN; no copy, since nodes of a large model are compared by it."""
    flat = values.reshape(len(values), -1)
    if flat.dtype == np.bool_:
        flat = flat.astype(np.int8)
    if not flat.shape[1]:
        return np.zeros(len(flat))
    largest: Array = np.maximum(flat.max(axis=1).astype(np.float64), 0.0 - flat.min(axis=1).astype(np.float64))
    return largest


def _difference(first: Array, second: Array) -> Array:
    difference: Array = np.subtract(first, second, dtype=np.float64)
    return difference


def _scales(noise: RowNoise, *, smallest: float) -> Array:
    """The size of each row, raised to a part of their median where it is below that.

    Of few numbers a row to the largest of the plausible ones: together they are as one row of many numbers.
    """
    size, positive = noise.size, noise.size[noise.size > 0]
    least = smallest * float(np.median(positive)) if len(positive) else 0.0
    if noise.few:
        least = float(size[~noise.corner].max(initial=0.0))
    scales: Array = np.maximum(size, least)
    return scales


def _per_scale(values: Array, scale: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, values / scale, 0.0)


def _shifts(moved: Array | None, scale: Array, unlikely: Array, *, most: float) -> Array:
    """How far each unlikely row moves relative to its scale; at most as far as `most` of a usual row's scale.

    Constants cancel in a filter without any rounding: the floor shows nothing of what another order of the sum gives.
    """
    if moved is None or unlikely.all():
        return np.zeros(len(scale))
    # Where a constant is normalised a rounding error becomes everything: that must not excuse anything.
    limited = np.fmin(moved, most * float(np.median(scale[~unlikely])))
    return np.where(unlikely, _per_scale(limited, scale), 0.0)


def bound_output(
    name: str,
    *,
    float32: Array,
    float64: Array,
    reference: Reference = "float64",
    known_floor: float = 0.0,
    known_corner_floor: float = 0.0,
    corner: Array | None = None,
    moved: Array | None = None,
) -> OutputBound:
    """The bound of an output: `scale_i * (4 * max_j(floor_j / scale_j) + 8 eps)` for row i, over plausible rows j.

    `corner` marks rows that look like no real input (default: none do): they do not loosen the bound of the others,
    and have the larger of that bound, 64 times their own largest floor, and 4 times `moved` (rows,): how far the
    output moves with inputs that are moved by a rounding error, but for no more than a usual row may be off. With
    `reference="relative"`, where a float64 run is impossible, `float64` holds the float32
    result and the bound is `1e-5 * scale_i`. `known_floor` and `known_corner_floor`: the relative floors of other rows
    of the same model, for when these are few. Whole numbers and truth values have to be equal where both runs agree, as
    has what is infinite or NaN in both; neither counts in the floors.
    Rows of fewer than `FEW_NUMBERS` are measured by the largest plausible one, and may use twice the bound.
    """
    odd = odd_places(float32, float64)
    single, double = (float32, float64) if odd is None else (np.where(odd.ordinary, a, 0) for a in (float32, float64))
    noise = RowNoise(
        size=_row_max(double),
        gap=_row_max(_difference(single, double)),
        corner=np.zeros(len(float64), dtype=bool) if corner is None else np.asarray(corner, dtype=bool),
        moved=moved,
        known_floor=known_floor,
        known_corner_floor=known_corner_floor,
        few=float64[:1].size < FEW_NUMBERS,
        reference=reference,
        whole=float64.dtype.kind != "f",
    )
    return _bound_from(name, np.asarray(float64, dtype=np.float64), noise, odd)


def _bound_from(name: str, expected: Array, noise: RowNoise, odd: OddPlaces | None) -> OutputBound:
    limits = row_limits(noise)
    return OutputBound(
        name=name,
        expected=expected,
        scale=limits.scale,
        floor=limits.floor,
        bound=limits.bound,
        relative_floor=limits.relative_floor,
        corner_floor=limits.corner_floor,
        noise=noise,
        odd=odd,
    )


def row_limits(noise: RowNoise, *, constants: Constants = CONSTANTS) -> RowLimits:
    """The rule of `bound_output` itself: what follows for each row from the noise of all of them."""
    scale, unlikely = _scales(noise, smallest=constants.small_scale), noise.corner
    if noise.whole:
        bound = np.full(len(scale), HALF_A_STEP)
        return RowLimits(scale=scale, floor=np.zeros(len(scale)), bound=bound, relative_floor=EPS, corner_floor=0.0)
    if noise.reference == "relative":
        relative_floor, corner_floor = EPS, 0.0
        factors, floors = np.full(len(scale), constants.relative_factor), np.full(len(scale), EPS)
    else:
        relative = _per_scale(noise.gap, scale)
        relative_floor = float(relative[~unlikely].max(initial=noise.known_floor))
        corner_floor = float(relative[unlikely].max(initial=noise.known_corner_floor))
        own = np.where(unlikely, corner_floor, 0.0)
        usual = constants.floor_factor * relative_floor + constants.eps_factor * EPS
        usual *= FEW_FACTOR if noise.few else 1.0
        shift = _shifts(noise.moved, scale, unlikely, most=usual / constants.floor_factor)
        factors = np.maximum(np.maximum(usual, constants.corner_factor * own), constants.floor_factor * shift)
        floors = np.maximum(np.maximum(relative_floor, EPS), np.maximum(own, shift))
    return RowLimits(
        scale=scale,
        floor=scale * floors,
        bound=scale * factors,
        relative_floor=max(relative_floor, EPS),
        corner_floor=corner_floor,
    )


def row_errors(actual: Array, bound: OutputBound) -> Array:
    """How far each row of `actual` is from the reference, (rows,). A NaN counts as an infinite error."""
    with np.errstate(invalid="ignore"):
        difference = _difference(actual, bound.expected)
        if bound.odd is not None:
            difference = bound.odd.judged(difference, actual, bound.expected)
        errors: Array = np.nan_to_num(_row_max(difference), nan=np.inf, posinf=np.inf)
    return errors


def output_error(actual: Array, bound: OutputBound) -> OutputError:
    """The row of `actual` that is worst for its bound. A NaN counts as an infinite error."""
    error = row_errors(actual, bound)
    with np.errstate(invalid="ignore", divide="ignore"):
        used = np.where(error == 0, 0.0, error / bound.bound)
    worst = int(np.argmax(np.nan_to_num(used, nan=np.inf)))
    floor = float(bound.floor[worst])
    multiple = 0.0 if error[worst] == 0 else float(error[worst] / floor) if floor else float("inf")
    return OutputError(name=bound.name, error=float(error[worst]), bound=float(bound.bound[worst]), floors=multiple)


def check_values(where: str, actual: Mapping[str, Array], bounds: Mapping[str, OutputBound]) -> list[CheckResult]:
    """Rule "values": one result an output, failed unless every element of every row is within its bound."""
    results = []
    for name, bound in bounds.items():
        if not bound.has_signal:
            results.append(CheckResult(rule="values", outcome="not-conclusive", detail=f"{name} is zero everywhere"))
            continue
        if not bound.is_decided:
            text = f"PyTorch's float32 and float64 agree on less than {LEAST_DECIDED:.0%} of {name}"
            results.append(CheckResult(rule="values", outcome="not-conclusive", detail=text))
            continue
        found = output_error(actual[name], bound)
        text = (
            f"{where}: {name} is off by {found.error:.3g}, {found.floors:.3g} times the rounding floor; "
            f"{found.bound:.3g} is allowed"
        )
        # Written so that a NaN fails.
        passed = found.error <= found.bound
        results.append(CheckResult(rule="values", outcome="passed" if passed else "failed", detail=text))
    return results
