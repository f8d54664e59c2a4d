"""Rows as people give them to a model: an array, arrays by name, or a function that gives a slice of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted

from .sources import in_short

Batch: TypeAlias = "NDArray[Any] | Mapping[str, NDArray[Any]]"
"""Rows as the model takes them: an array for its only input, or arrays by name."""

Rows: TypeAlias = "Batch | Callable[[slice], Batch]"
"""Any number of rows: a Batch of all of them, or a function that gives a slice of them."""

Fetch: TypeAlias = "Callable[[slice], Mapping[str, NDArray[Any]]]"


def fetching(
    rows: Rows, count: int | None, *, by_name: Callable[[Batch], Mapping[str, NDArray[Any]]], where: str
) -> tuple[Fetch, int]:
    """What gives a slice of the rows by the names of the inputs, and how many rows there are.

    Raises ZooError, which begins with `where`, for what are no rows, and for inputs that differ in their number.
    """
    if not (callable(rows) or isinstance(rows, Mapping) or (isinstance(rows, np.ndarray) and rows.ndim)):
        raise ZooError(
            f"{where}: rows are an array whose first axis is the batch, or a function, not {in_short(rows)}",
            hint="numpy.stack(...) makes one array of several",
        )
    if callable(rows):
        return (lambda part: by_name(rows(part))), count or 0
    named = by_name(rows)
    if unfit := [array for array in named.values() if not np.ndim(array)]:
        raise ZooError(f"{where}: rows are arrays by the names of the inputs, not {in_short(unfit[0])}")
    counts = {len(array) for array in named.values()}
    if len(counts) > 1:
        shown = ", ".join(f"{len(array)} of {name}" for name, array in named.items())
        raise ZooError(f"{where}: the inputs differ in the number of rows: {shown}")
    held = max(counts, default=0)
    if count not in {None, held}:
        raise ZooError(f"{where}: {counted(held, 'row')} are given, and count is {count}", hint="leave out count")
    return (lambda part: {name: array[part] for name, array in named.items()}), held
