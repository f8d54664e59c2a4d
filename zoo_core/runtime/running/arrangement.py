"""Which samples an array of numbers is, for an input of a given shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted
from zoo_core.shapes import Axis, TensorSpec


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """Samples (n, ...) as the input takes them. `several`: the array has an axis for them, be it of length 1."""

    rows: NDArray[Any]
    several: bool


def arrange(values: NDArray[Any], spec: TensorSpec, *, sequences: bool, where: str) -> Arranged:
    """An array as samples of this input, whose first axis is the batch.

    An array of the input's own shape is one sample, and one with an axis more is a sample a row. A table is a sample
    a row for an input of one axis, a column alone is one sample. For (channels, length) a table may also be (length,
    channels), which comes first for `sequences`, and a sample a row where there is one channel of a fixed length.
    Raises ZooError for a shape that is none of these.
    """
    own = spec.parsed[1:]
    for rows, several in _ways(values, own, sequences=sequences):
        if _fits(rows.shape[1:], own):
            return Arranged(rows=np.ascontiguousarray(rows), several=several)
    sample = ", ".join(map(str, own))
    length = own[-1].size if sequences and own else None
    way = f"cut or pad a sequence to {counted(length, 'place')}: " if length is not None else ""
    raise ZooError(
        f"{where} has the shape {values.shape}, and the model takes {spec}",
        hint=f"{way}one sample is ({sample}); with an axis more, each row is a sample",
    )


def _ways(values: NDArray[Any], own: Sequence[Axis], *, sequences: bool) -> Iterator[tuple[NDArray[Any], bool]]:
    """Every way to take the array, (n, ...), the likelier first; and whether it has an axis for the samples."""
    axes, rank = values.ndim, len(own)
    sized = all(axis.size is not None for axis in own)
    if rank == 1 and axes == 2 and values.shape[1] == 1:
        yield values.T, False
    if rank == 2 and axes == 2 and sequences:
        yield values.T[np.newaxis], False
    if axes == rank:
        yield values[np.newaxis], False
    if axes == rank + 1 and not (sequences and rank == 1 and not sized):
        yield values, True
    if rank == 2 and axes in {2, 3}:
        turned = values.swapaxes(-1, -2)
        yield (turned[np.newaxis], False) if axes == 2 else (turned, True)
    if rank >= 2 and own[0].size == 1:
        if axes == rank - 1:
            yield values[np.newaxis, np.newaxis], False
        if axes == rank and sized:
            yield values[:, np.newaxis], True
    if rank == 0 and axes == 2 and values.shape[1] == 1:
        yield values[:, 0], True
    if rank == 1 and axes == 2 and len(values) == 1:
        yield values, False


def _fits(shape: Sequence[int], own: Sequence[Axis]) -> bool:
    """Whether ranks and fixed sizes are equal; what a free axis may be is checked, and told, where the file is run."""
    return len(shape) == len(own) and all(axis.size in {None, size} for axis, size in zip(own, shape, strict=True))
