"""Sizes at which a model with free axes is run: the smallest legal ones, the next, and larger ones, not square."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from zoo_core.errors import ZooError
from zoo_core.shapes import TensorSpec

from .rows import BATCH

Sizes = dict[str, int]

LARGER = 64
"""Elements along the first axis of the larger size; each further axis has half as many more."""


def free_sizes(specs: Iterable[TensorSpec]) -> tuple[str, ...]:
    """The free axes besides the batch, in order, each once."""
    return tuple(dict.fromkeys(axis for spec in specs for axis in spec.free_axes if axis != BATCH))


def size_cases(
    inputs: Mapping[str, TensorSpec], *, smallest: Mapping[str, int], largest: Mapping[str, int] | None = None
) -> tuple[Sizes, ...]:
    """What the free axes besides the batch are set to, case by case; the first is the larger one, not square.

    `smallest` is the smallest legal value of an axis (default 1), `largest` the largest, of those that end somewhere:
    there the last cases are the end and the size before it. One empty case where no axis is free.
    """
    axes = free_sizes(inputs.values())
    if not axes:
        return ({},)
    least = {axis: smallest.get(axis, 1) for axis in axes}
    larger = {}
    for place, axis in enumerate(axes):
        wanted = math.ceil(LARGER * (1 + place / 2) / _factor(axis, inputs))
        larger[axis] = max(wanted, least[axis] + 2 * (place + 1))
    ends = {axis: size for axis, size in (largest or {}).items() if axis in least}
    cases = (larger, least, {axis: size + 1 for axis, size in least.items()}, *end_cases(larger, ends=ends))
    return distinct({axis: min(size, ends.get(axis, size)) for axis, size in case.items()} for case in cases)


def end_cases(usual: Sizes, *, ends: Mapping[str, int]) -> tuple[Sizes, ...]:
    """The usual sizes, with the axes that end somewhere at their end, and just inside."""
    if not ends:
        return ()
    return tuple({**usual, **{axis: max(1, size - less) for axis, size in ends.items()}} for less in (0, 1))


def distinct(cases: Iterable[Sizes]) -> tuple[Sizes, ...]:
    """Each case once, in order."""
    return tuple(dict(case) for case in dict.fromkeys(tuple(case.items()) for case in cases))


def _factor(axis: str, inputs: Mapping[str, TensorSpec]) -> int:
    return max(part.factor for spec in inputs.values() for part in spec.parsed if part.name == axis)


def sizes_of(shapes: Mapping[str, tuple[int, ...]], specs: Mapping[str, TensorSpec]) -> Sizes:
    """The sizes of all free axes, read off concrete shapes. Raises ZooError for a shape that does not fit its spec."""
    sizes: Sizes = {}
    for name, spec in specs.items():
        shape = shapes[name]
        fits = len(shape) == len(spec.axes)
        for axis, size in zip(spec.parsed, shape, strict=False):
            if axis.name is None:
                fits = fits and axis.size == size
                continue
            value, rest = divmod(size - axis.offset, axis.factor)
            fits = fits and not rest and value > 0 and sizes.setdefault(axis.name, value) == value
        if not fits:
            raise ZooError(f"{name} has the shape {shape}, which does not fit {spec}")
    return sizes


def shown(sizes: Mapping[str, int]) -> str:
    """`H=1, W=2`."""
    return ", ".join(f"{axis}={size}" for axis, size in sizes.items())
