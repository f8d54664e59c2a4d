"""The rows a model is checked on: real samples, noise, zeros, constants and extremes; never the traced example."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.shapes import TensorSpec
from zoo_core.specs import Preprocess

Array = NDArray[Any]
Arrays = dict[str, Array]

LOW, HIGH = "low beside high", "high beside low"
"""Rows whose inputs lie at the ends of their ranges: the first at the low one and the next at the high one, in turn."""
PLAUSIBLE = ("sample", "noise", LOW, HIGH)
"""Kinds of rows that look like real inputs; the others probe corners."""

BATCH = "N"
"""The free axis that every batch has first."""

NOISE_ROWS = 3
FEW_ROWS = 3
SAMPLE_ROWS = 4
EXTREME = 10.0
TRUE_PARTS = (0.5, 0.875, 0.125)
"""Which part of a mask is true: models see mostly true ones, and what a false one hides must show elsewhere."""
FEW_VALUES = 16
"""Of an integer input with no more values than these, every one of them is drawn."""
DEFAULT_RANGE = (-1.0, 1.0)
BATCH_SIZES = (1, 2, 3, 5)


def frozen_uniform(shape: Sequence[int], *, seed: int, low: float, high: float) -> NDArray[np.float32]:
    """Numbers in [low, high) that every numpy gives alike: raw Philox integers, scaled by our own arithmetic.

    The upper 24 bits of each integer become `k / 2**24`, exact in float32; the rest is float64 rounded once.
    """
    count = int(np.prod(shape, dtype=np.int64))
    raw = np.random.Philox(key=seed).random_raw(count)
    unit = (raw >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * unit).astype(np.float32).reshape(tuple(shape))


def frozen_integers(shape: Sequence[int], *, seed: int, low: int, high: int) -> NDArray[np.int64]:
    """Integers in [low, high) that every numpy gives alike.

    Where there is room for all of them, each is drawn about equally often; else every row holds both ends, or where a
    row is one number, two of the rows do.
    """
    count, span = int(np.prod(shape, dtype=np.int64)), high - low
    raw = np.random.Philox(key=seed).random_raw(count)
    if span <= count:
        drawn = np.empty(count, np.uint64)
        drawn[np.argsort(raw, kind="stable")] = np.arange(count, dtype=np.uint64) % np.uint64(span)
    else:
        drawn = raw % np.uint64(span)
        each = max(1, count // shape[0]) if shape else 1
        for places in np.arange(count).reshape((-1, each) if each > 1 else (1, -1)):
            ends = places[np.argsort(raw[places], kind="stable")[:2]]
            drawn[ends] = np.array([0, span - 1], np.uint64)[: len(ends)] if len(ends) > 1 else drawn[ends]
    return (drawn.astype(np.int64) + np.int64(low)).reshape(tuple(shape))


def frozen_mask(shape: Sequence[int], *, seed: int) -> NDArray[np.bool_]:
    """True and False that every numpy gives alike: of the rows, one is half True, one mostly, one hardly, and so on.

    Rows of fewer than four are mixed together.
    """
    count = int(np.prod(shape, dtype=np.int64))
    each = max(1, count // shape[0]) if shape else 1
    if each <= len(TRUE_PARTS):
        return frozen_integers(shape, seed=seed, low=0, high=2).astype(bool)
    raw = np.random.Philox(key=seed).random_raw(count).reshape(-1, each)
    mask = np.zeros(raw.shape, bool)
    for number, (row, values) in enumerate(zip(mask, raw, strict=True)):
        part = TRUE_PARTS[number % len(TRUE_PARTS)]
        row[np.argsort(values, kind="stable")[: min(each - 1, max(1, round(part * each)))]] = True
    return mask.reshape(tuple(shape))


def frozen_values(shape: Sequence[int], *, dtype: str, seed: int, low: float, high: float) -> Array:
    """Values of an input as what they are: floats in [low, high), integers from low to high - 1, True and False mixed.

    Integers reach both ends; of bool, `low` and `high` say nothing.
    """
    if dtype.startswith("float"):
        return frozen_uniform(shape, seed=seed, low=low, high=high).astype(dtype)
    if dtype == "bool":
        return frozen_mask(shape, seed=seed)
    return frozen_integers(shape, seed=seed, low=math.ceil(low), high=math.ceil(high)).astype(dtype)


def plausible_range(spec: TensorSpec, preprocess: Preprocess | None) -> tuple[float, float]:
    """The range of values of an input: as declared, else what the preprocessing makes of 0 to 255, else -1 to 1.

    Integers of 8 bits have all that their dtype has; larger ones need a declaration, or this is a ZooError.
    """
    if spec.low is not None and spec.high is not None:
        return spec.low, spec.high
    if spec.dtype == "bool":
        return 0, 2
    if spec.is_integer:
        return _range_of_integers(spec)
    if preprocess is None:
        return DEFAULT_RANGE
    pairs = list(np.broadcast(preprocess.mean, preprocess.std))
    low = min((0.0 - mean) / std for mean, std in pairs)
    high = max((255 * preprocess.scale - mean) / std for mean, std in pairs)
    return float(min(low, high)), float(max(low, high))


def _range_of_integers(spec: TensorSpec) -> tuple[float, float]:
    limits = np.iinfo(spec.dtype)
    if limits.bits > 8:
        raise ZooError(
            f"{spec.dtype} {spec} has no range, and its values are numbers of something",
            hint=f'TensorSpec(..., dtype="{spec.dtype}", low=0, high=N): N is the first value that is not allowed',
        )
    return float(limits.min), float(limits.max) + 1


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Inputs stacked along the first axis, and what each row is: sample, noise, zeros, constant or extreme."""

    inputs: Mapping[str, Array]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kinds)

    def of(self, kind: str) -> tuple[int, ...]:
        """Which rows are of that kind."""
        return tuple(row for row, each in enumerate(self.kinds) if each == kind)

    def take(self, index: Sequence[int] | NDArray[np.int64]) -> Rows:
        """Some of the rows, in the order given."""
        return Rows(
            inputs={name: value[np.asarray(index)] for name, value in self.inputs.items()},
            kinds=tuple(self.kinds[i] for i in index),
        )


def _one_input(
    spec: TensorSpec,
    bounds: tuple[float, float],
    given: Mapping[str, Array],
    *,
    sizes: Mapping[str, int],
    seed: int,
    noise: int,
    extremes: int,
) -> tuple[list[Array], list[str]]:
    low, high = bounds
    shape = spec.shape({BATCH: 1, **sizes})[1:]
    span = EXTREME * max(abs(low), abs(high))
    # An index or a count beyond its range is an error, not an extreme; nor is there a zero where it is not allowed.
    limits = (-span, span) if spec.dtype.startswith("float") and not spec.hard else (low, high)
    zero = 0.0
    if spec.hard:
        zero = min(max(0.0, low), high)
    elif spec.is_integer:
        zero = min(max(0.0, math.ceil(low)), math.ceil(high) - 1)
    drawn: dict[str, Array] = {
        "zeros": np.full((1, *shape), zero),
        "constant": np.full((1, *shape), (low + high) / 2 + (high - low) / 4),
        "extreme": frozen_values((extremes, *shape), dtype=spec.dtype, seed=seed + 1, low=limits[0], high=limits[1]),
    }
    if "noise" not in given:
        drawn = {"noise": frozen_values((noise, *shape), dtype=spec.dtype, seed=seed, low=low, high=high), **drawn}
    parts = {**{kind: rows for kind, rows in given.items() if len(rows)}, **drawn}
    return [part.astype(spec.dtype) for part in parts.values()], [k for k, part in parts.items() for _ in part]


def rows_needed(
    inputs: Mapping[str, TensorSpec], *, ranges: Mapping[str, tuple[float, float]], sizes: Mapping[str, int], least: int
) -> int:
    """How many rows of noise show every value of an integer input of few values, and of bool; `least` without one."""
    needed = least
    for name, spec in inputs.items():
        if spec.dtype.startswith("float"):
            continue
        low, high = (0, 2) if spec.dtype == "bool" else map(math.ceil, ranges[name])
        each = max(1, math.prod(spec.shape({BATCH: 1, **sizes})[1:]))
        if high - low <= FEW_VALUES:
            needed = max(needed, -(-(high - low) // each))
    return needed


def make_rows(
    inputs: Mapping[str, TensorSpec],
    *,
    ranges: Mapping[str, tuple[float, float]],
    given: Mapping[str, Mapping[str, Array]] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    noise: int = NOISE_ROWS,
    extremes: int = 1,
) -> Rows:
    """The rows for inputs whose first axis is the batch (free, or fixed at 1): noise, zeros, a constant, an extreme.

    `given` are further rows, or the noise itself: of each kind, arrays (rows, ...) by input name. `sizes` gives the
    other free axes; `noise` and `extremes` the numbers of rows of these kinds, of noise the least.
    """
    arrays: Arrays = {}
    kinds: list[str] = []
    count = rows_needed(inputs, ranges=ranges, sizes=sizes or {}, least=noise)
    for offset, (name, spec) in enumerate(inputs.items()):
        own = {kind: rows[name] for kind, rows in (given or {}).items()}
        parts, kinds = _one_input(
            spec, ranges[name], own, sizes=sizes or {}, seed=seed + 100 * offset, noise=count, extremes=extremes
        )
        arrays[name] = np.concatenate(parts)
    return Rows(inputs=arrays, kinds=tuple(kinds))


def batches_of(count: int, *, free: bool = True) -> tuple[tuple[int, ...], ...]:
    """Row numbers of each batch: sizes 1, 2, 3 and 5, every row at least once, in company that changes.

    A row that leaks into its neighbours, or a batch size baked into the graph, shows as a row whose result depends on
    the batch it came in. Without a `free` batch each row comes alone.
    """
    if not free:
        return tuple((row,) for row in range(count))
    # A stride that shares no factor with the count visits each row once, in an order unlike the one of the reference.
    stride = next(s for s in range(count // 2 + 1, 2 * count + 2) if np.gcd(s, count) == 1)
    found: list[tuple[int, ...]] = []
    start = 0
    for size in itertools.chain(BATCH_SIZES, itertools.repeat(BATCH_SIZES[-1])):
        if start >= count and len(found) >= len(BATCH_SIZES):
            return tuple(found)
        found.append(tuple(((start + i) * stride) % count for i in range(size)))
        start += size
    raise AssertionError  # the sizes never end


def by_row(batches: Sequence[Sequence[int]], found: Sequence[Mapping[str, Array]], count: int) -> Arrays:
    """The outputs of each of `count` rows, in their order, from the batch in which each came first."""
    place: dict[int, int] = {}
    for position, row in enumerate(row for rows in batches for row in rows):
        place.setdefault(row, position)
    order = [place[row] for row in range(count)]
    return {name: value[order] for name, value in joined(found).items()}


def joined(batches: Sequence[Mapping[str, Array]]) -> Arrays:
    """The outputs of batches, one after the other."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
