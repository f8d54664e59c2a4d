"""Inputs to measure with, in batches of any size: those of a file's self-test, or such as a model declares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import TensorSpec, UsageError
from zoo_core.runtime import ExportedModel
from zoo_core.verification import self_test_cases

BATCH = "N"
_USUAL_SIZE = 64
"""Elements along a free axis where nobody says a size."""
_DRAWN_ROWS = 8

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Some rows, of which batches of any size are made by repeating them; `axis` of each input holds the samples.

    `sizes`: of the free axes that somebody had to choose. `fixed`: the only batch that the model takes, None for any;
    `largest`: the largest that it takes.
    """

    rows: Arrays = field(repr=False)
    axis: Mapping[str, int | None]
    sizes: Mapping[str, int] = field(default_factory=dict)
    fixed: int | None = None
    largest: int | None = None

    def of(self, size: int) -> Arrays:
        """A batch of so many samples, by the names of the inputs."""
        return {name: _resized(rows, self.axis[name], size) for name, rows in self.rows.items()}

    def refuse(self, size: int, *, shown: str) -> None:
        """Raise UsageError for a batch that the model does not take."""
        if self.fixed is not None and size != self.fixed:
            raise UsageError(f"{shown} takes batches of {self.fixed} alone, not of {size}", hint="leave out --batch")
        if self.largest is not None and size > self.largest:
            raise UsageError(f"{shown} takes batches of at most {self.largest}, not of {size}")


def _resized(rows: NDArray[Any], axis: int | None, size: int) -> NDArray[Any]:
    if axis is None:
        return rows
    return np.ascontiguousarray(np.take(rows, np.arange(size) % rows.shape[axis], axis=axis))


def of_export(model: ExportedModel, asked: Mapping[str, int]) -> Batches:
    """The inputs of the file's self-test; drawn ones where it holds none, or where sizes are `asked` for."""
    metadata = model.metadata
    cases = self_test_cases(metadata)
    if not cases or asked:
        return drawn(metadata.inputs, asked, largest=metadata.largest, shown=str(model.path))
    inputs: Arrays = dict(cases[0].inputs())
    if not _axes(metadata.inputs)[1]:
        first = next(iter(metadata.inputs.values())).axes[:1]
        fixed = first[0] if first and isinstance(first[0], int) else 1
        return Batches(rows=_first(inputs, metadata.inputs), axis=dict.fromkeys(inputs), fixed=fixed)
    return Batches(rows=inputs, axis=_axes(metadata.inputs)[0], largest=metadata.largest.get(BATCH))


def _first(inputs: Arrays, specs: Mapping[str, TensorSpec]) -> Arrays:
    """So many rows as the file takes at once: the self-test may hold several such batches."""
    sizes = {name: next((axis for axis in specs[name].axes[:1] if isinstance(axis, int)), None) for name in inputs}
    return {name: value[: sizes[name]] if value.ndim else value for name, value in inputs.items()}


def drawn(
    specs: Mapping[str, TensorSpec], asked: Mapping[str, int], *, largest: Mapping[str, int], shown: str
) -> Batches:
    """Rows drawn within the ranges that are declared; a free axis has the size that is `asked` for, or some 64.

    Raises UsageError for an axis that is not free.
    """
    axes, is_free = _axes(specs)
    factors = {
        part.name: part.factor
        for spec in specs.values()
        for part in spec.parsed
        if part.name is not None and part.is_free and part.name != BATCH
    }
    if unknown := [axis for axis in asked if axis not in factors]:
        free = ", ".join(factors) or "none"
        raise UsageError(f"{shown} has no free axis {unknown[0]}: free are {free}")
    usual = {axis: math.ceil(_USUAL_SIZE / factor) for axis, factor in factors.items()}
    sizes = {axis: asked.get(axis, min(size, largest.get(axis, size))) for axis, size in usual.items()}
    rows = {}
    random = np.random.default_rng(0)
    for name, spec in specs.items():
        shape = [part.resolve({BATCH: _DRAWN_ROWS, **sizes}) or 1 for part in spec.parsed]
        rows[name] = _values(random, spec, shape)
    fixed = None if is_free else next(iter(rows.values())).shape[0]
    return Batches(rows=rows, axis=axes, sizes=sizes, fixed=fixed, largest=largest.get(BATCH))


def _axes(specs: Mapping[str, TensorSpec]) -> tuple[dict[str, int | None], bool]:
    """Which axis of each input holds the samples, and whether any has one."""
    found = {name: next((i for i, axis in enumerate(spec.axes) if axis == BATCH), None) for name, spec in specs.items()}
    return found, any(axis is not None for axis in found.values())


def _values(random: np.random.Generator, spec: TensorSpec, shape: list[int]) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    if dtype.kind in "iu":
        first = int(spec.low or 0)
        end = int(spec.high) if spec.high is not None else first + 2
        return random.integers(first, end, shape, dtype=dtype)
    low, high = (-1.0 if spec.low is None else spec.low), (1.0 if spec.high is None else spec.high)
    return random.uniform(low, high, shape).astype(dtype)
