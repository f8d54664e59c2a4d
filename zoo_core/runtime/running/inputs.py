"""Inputs are checked before onnxruntime sees them: what was given, what is needed, and the fix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError, did_you_mean
from zoo_core.records import counted
from zoo_core.shapes import Axis, TensorSpec

from .faults import WrongSizeError


def check_inputs(inputs: Mapping[str, NDArray[Any]], specs: Mapping[str, TensorSpec], *, where: str) -> dict[str, int]:
    """The sizes of the free axes. Raises ZooError on a wrong name, dtype, rank, size, NaN or infinity, and on
    an integer beyond its range."""
    if not isinstance(inputs, Mapping):
        raise ZooError(f"{where}: inputs are arrays by name, not a {type(inputs).__name__}", hint=_by_name(specs))
    _check_names(inputs, specs, where)
    sizes: dict[str, int] = {}
    for name, spec in specs.items():
        array = inputs[name]
        what = f"{where}: input {name!r}"
        if not isinstance(array, np.ndarray):
            raise ZooError(f"{what} is a {type(array).__name__}, not a numpy array", hint="numpy.asarray(...)")
        if array.dtype.name != spec.dtype:
            raise ZooError(
                f"{what} is {array.dtype.name}, and must be {spec.dtype}",
                hint=f"give x.astype('{spec.dtype}')",
            )
        if array.ndim != len(spec.axes):
            hint = "add the batch axis: x[None]" if array.ndim == len(spec.axes) - 1 else None
            raise ZooError(
                f"{what} has shape {array.shape}, and must have {counted(len(spec.axes), 'axis')}: {spec}", hint=hint
            )
        for position, axis in enumerate(spec.parsed):
            _check_axis(array.shape, position, axis, sizes, spec, what)
        _check_finite(array, what)
        _check_range(array, spec, what)
    return sizes


def check_ends(sizes: Mapping[str, int], *, largest: Mapping[str, int], where: str) -> None:
    """Raise ZooError for a free axis beyond its end: the file does not hold there."""
    for axis, size in sizes.items():
        if size > largest.get(axis, size):
            raise WrongSizeError(
                f"{where}: the axis {axis} is {size}, and may be up to {largest[axis]}",
                hint="the model computes larger ones in another way, or not at all; the file was made without that",
            )


def check_large_enough(
    sizes: Mapping[str, int], inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], *, where: str
) -> None:
    """Raise ZooError for free axes of such sizes that nothing would be left of an output, as of "H-2" where H is 1."""
    derived = [axis for spec in outputs.values() for axis in spec.parsed if axis.name in sizes and not axis.terms]
    least: dict[str, int] = {}
    for axis in derived:
        name = str(axis.name)
        least[name] = max(least.get(name, 1), -((axis.offset - 1) // axis.factor))  # the next whole number
    if all(sizes[name] >= size for name, size in least.items()):
        return
    found, needed = (
        ", ".join(
            f"{name} ({', '.join(str(axis.resolve(given) or axis) for axis in spec.parsed)})"
            for name, spec in inputs.items()
        )
        for given in (sizes, {name: size for name, size in least.items() if size > 1})
    )
    raise ZooError(f"{where}: nothing would be left of so small an input: {found}", hint=f"at least {needed}")


def _check_names(inputs: Mapping[str, Any], specs: Mapping[str, TensorSpec], where: str) -> None:
    for name in inputs:
        if name not in specs:
            raise ZooError(f"{where} has no input {name!r}", hint=did_you_mean(str(name), specs))
    if missing := [name for name in specs if name not in inputs]:
        raise ZooError(
            f"{where}: input {', '.join(map(repr, missing))} is missing",
            hint=_by_name(specs),
        )


def _by_name(specs: Mapping[str, TensorSpec]) -> str:
    return "give a dictionary of all inputs: " + ", ".join(f"{name} {spec}" for name, spec in specs.items())


def _check_axis(
    shape: tuple[int, ...], position: int, axis: Axis, sizes: dict[str, int], spec: TensorSpec, what: str
) -> None:
    size = shape[position]
    problem = f"{what} has shape {shape}, and must be {spec}: axis {position}"
    if size < 1:
        raise ZooError(f"{problem} is empty")
    if axis.name is None:
        if size != axis.size:
            hint = _layout_hint(shape, spec)
            kind = WrongSizeError if position > 1 and hint is None else ZooError
            raise kind(f"{problem} is {size}, and must be {axis.size}", hint=hint)
        return
    value, rest = divmod(size - axis.offset, axis.factor)
    if rest or value < 1:
        below = max(1, value) * axis.factor + axis.offset
        offset = f" plus {axis.offset}" if axis.offset else ""
        raise WrongSizeError(
            f"{problem} is {size}, and must be a multiple of {axis.factor}{offset}",
            hint=f"for example {below} or {below + axis.factor}",
        )
    known = sizes.setdefault(axis.name, value)
    if known != value:
        needed = axis.factor * known + axis.offset
        raise WrongSizeError(f"{problem} is {size}, and must be {needed}, because {axis.name} is {known}")


def _layout_hint(shape: tuple[int, ...], spec: TensorSpec) -> str | None:
    channels = spec.parsed[1].size if len(spec.axes) == 4 else None
    if len(shape) == 4 and channels is not None and shape[1] != channels and shape[3] == channels:
        return "the channels come second: x.transpose(0, 3, 1, 2)"
    return None


def _check_range(array: NDArray[Any], spec: TensorSpec, what: str) -> None:
    """An integer beyond its range is an index into nothing; a float is only less plausible there, unless it is hard."""
    if not (spec.is_integer or spec.hard) or spec.low is None or spec.high is None:
        return
    own = array.dtype.type  # what is just 0.1 in float64 is more in float32
    low, high = (own(spec.low), own(spec.high)) if spec.hard else (math.ceil(spec.low), math.ceil(spec.high) - 1)
    least, most = array.min().item(), array.max().item()
    if least < low or most > high:
        raise ZooError(
            f"{what} holds {least if least < low else most}, and may hold {low} to {high}",
            hint="look at what was fed: the model was made and checked for these numbers only",
        )


def _check_finite(array: NDArray[Any], what: str) -> None:
    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ZooError(
            f"{what} is not finite at {counted(int(bad.sum()), 'place')}, the first at {first}: {array[first]}",
            hint="look at what was fed: NaN and infinity give meaningless outputs",
        )


def check_fetched(batch: Mapping[str, NDArray[Any]], part: slice, count: int, *, where: str) -> None:
    """Raise ZooError where a function of rows gives another number of them than the slice has."""
    wanted = part.stop - part.start
    for name, array in batch.items():
        if np.ndim(array) == 0 or len(array) != wanted:
            given = counted(len(array), "row") if np.ndim(array) else "a single number"
            raise ZooError(
                f"{where}: for rows {part.start} to {part.stop} of {count}, {given} of {name!r} came, not {wanted}",
                hint="count is how many rows there are, and the function gives those of the slice",
            )
