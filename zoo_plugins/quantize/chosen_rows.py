"""The self-test of a model that chooses rows, such as a detector: rows that every run in float64 chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError

from .reference import EPS

Arrays = Mapping[str, NDArray[Any]]

KEY = "selections"
_MOST_ROWS = 24
_NEAR = 1e-3
"""Rows of two runs that differ by more than this part of their size are not the same row."""
_ROUNDINGS = 8.0


def expected_rows(inputs: Sequence[Sequence[Arrays]], *, like: Mapping[str, Any], margin: float) -> dict[str, Any]:
    """What is told of them. `inputs`: of each input its runs, the exact one first; `like`: what the float file tells,
    whose columns are kept.

    Raises ZooError where rows are chosen for an input, and none of them in every run.
    """
    columns = like["columns"]
    rows, noise, sizes = [], dict.fromkeys(columns, 0.0), dict.fromkeys(columns, 0.0)
    for exact, *moved in inputs:
        near = {name: _NEAR * (_largest(value) or 1.0) for name, value in exact.items()}
        partners = [_partners(exact, run, near) for run in moved]
        clear = [row for row in range(_count(exact)) if all(found[row] >= 0 for found in partners)]
        if _count(exact) and not clear:
            raise ZooError("every row that it chooses hangs by a hair: on another machine it may choose others")
        if not _count(exact) and any(_count(run) for run in moved):
            raise ZooError("whether it chooses a row at all hangs by a hair in the self-test")
        for name, value in exact.items():
            sizes[name] = max(sizes[name], _largest(value))
            for found, run in zip(partners, moved, strict=True):
                gap = np.abs(value[clear].astype(np.float64) - run[name][found[clear]].astype(np.float64))
                noise[name] = max(noise[name], float(gap.max(initial=0.0)))
        kept = clear[:_MOST_ROWS]
        rows.append({name: _told(exact[name])[kept][:, columns[name]].tolist() for name in columns})
    bounds = {name: margin * noise[name] + _ROUNDINGS * EPS * (sizes[name] or 1.0) for name in columns}
    floors = {name: max(noise[name], EPS * (sizes[name] or 1.0)) for name in columns}
    return {KEY: {"columns": columns, "rows": rows, "bounds": bounds, "floors": floors}}


def _partners(first: Arrays, second: Arrays, near: Mapping[str, float]) -> NDArray[np.int64]:
    """For each row of `first` the nearest in `second` that is the same one, or -1; none is taken twice."""
    found = np.full(_count(first), -1, np.int64)
    free = np.ones(_count(second), bool)
    for row in range(_count(first)):
        distance = np.where(free, 0.0, np.inf)
        for name, value in first.items():
            gap = np.abs(_flat(second[name]) - _flat(value)[row]).max(axis=1, initial=0.0)
            within = gap == 0 if value.dtype.kind != "f" else gap <= near[name]
            distance = np.where(within, distance + gap / near[name], np.inf)
        if len(distance) and np.isfinite(distance.min()):
            found[row] = int(distance.argmin())
            free[found[row]] = False
    return found


def _flat(value: NDArray[Any]) -> NDArray[np.float64]:
    return value.reshape(len(value), int(np.prod(value.shape[1:], dtype=np.int64))).astype(np.float64)


def _told(value: NDArray[Any]) -> NDArray[Any]:
    """As JSON has it: whole numbers stay whole."""
    return _flat(value) if value.dtype.kind == "f" else _flat(value).astype(np.int64)


def _count(rows: Arrays) -> int:
    return len(next(iter(rows.values())))


def _largest(value: NDArray[Any]) -> float:
    return float(np.abs(value.astype(np.float64)).max(initial=0.0))
