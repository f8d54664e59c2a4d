"""Rows that a model chose (top-k, non-maximum suppression), compared as sets: what is chosen by a hair may differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import counted

from .bounds import EPS, EPS_FACTOR, FLOOR_FACTOR

Array = NDArray[Any]
Arrays = Mapping[str, Array]

NEAR = 1e-3
"""Rows that differ by more than this part of their size are never one and the same row."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What PyTorch chooses, where it is sure of it.

    `expected` are the rows of the float64 run, by output, along axis 0. `clear` marks those that were chosen in every
    run, also with inputs that were moved by a rounding error, and that none of the others can push out at the end: an
    export must choose them too. `possible` are the rows
    of all runs: an export chooses another only in the place of one that is not clear. `bounds`: how far a value of a
    row may be off; `floors`: how far a float32 run was off. `ordered`: for each two clear rows in succession, whether
    every run gave them in this order.
    """

    expected: Arrays = field(repr=False)
    clear: NDArray[np.bool_] = field(repr=False)
    possible: Arrays = field(repr=False)
    bounds: Mapping[str, float]
    floors: Mapping[str, float]
    ordered: NDArray[np.bool_] = field(repr=False)

    @property
    def count(self) -> int:
        """Rows of the float64 run."""
        return len(self.clear)

    @property
    def clear_count(self) -> int:
        """How many of them every run chose."""
        return int(self.clear.sum())


def choice_of(exact: Arrays, single: Arrays, moved: Sequence[Arrays], *, same: float = NEAR) -> Choice:
    """What is sure, from a float64 run, a float32 run and runs whose inputs were moved by a rounding error.

    `same`: rows of two runs are one row when they differ by no more than this part of their size.
    """
    scales = {name: scale_of(value) for name, value in exact.items()}
    near = {name: same * scale for name, scale in scales.items()}
    partner = match(exact, single, near)
    places = np.stack([partner, *(match(exact, run, near) for run in moved)])
    clear: NDArray[np.bool_] = np.all(places >= 0, axis=0)
    if all(_rows(run) == len(clear) for run in (single, *moved)):
        # As many rows in every run: there may be a most, and each row that hangs by a hair may push out a last one.
        clear[len(clear) - int((~clear).sum()) :] = False
    floors = {}
    for name, value in exact.items():
        gap = np.abs(value[clear].astype(np.float64) - single[name][partner[clear]].astype(np.float64))
        floors[name] = float(gap.max(initial=0.0))
    return Choice(
        expected=exact,
        clear=clear,
        possible={name: np.concatenate([exact[name], single[name], *(run[name] for run in moved)]) for name in exact},
        bounds={name: FLOOR_FACTOR * floors[name] + EPS_FACTOR * EPS * scales[name] for name in exact},
        floors=floors,
        ordered=np.asarray(np.all(np.diff(places[:, clear], axis=1) > 0, axis=0)),
    )


def problems_of(choice: Choice, found: Arrays, *, in_order: bool = True) -> list[str]:
    """What is wrong with the rows that an export chose, in words; empty when nothing is.

    `in_order`: whether their order counts, which it cannot where most of them tie.
    """
    if problem := _shape_problem(choice.expected, found):
        return [problem]
    problems = []
    partner = match(choice.expected, found, choice.bounds)
    if lost := int((choice.clear & (partner < 0)).sum()):
        problems.append(f"{lost} of {choice.clear_count} clear rows are missing or off by more than the bound")
    if not lost and in_order:
        swapped = int((choice.ordered & (np.diff(partner[choice.clear]) < 0)).sum())
        problems += (
            [f"{swapped} of {choice.clear_count} clear rows come before one that they follow"] if swapped else []
        )
    # A row of a run that was moved may itself be off by as much as the bound.
    wide = {name: max(2 * bound, NEAR * scale_of(choice.possible[name])) for name, bound in choice.bounds.items()}
    strange = int((match(found, choice.possible, wide, distinct=False) < 0).sum())
    # Of rows that tie, more than the runs have shown may be chosen; but only in the place of rows that are not clear.
    if strange > choice.count - choice.clear_count:
        problems.append(f"{strange} of {counted(_rows(found), 'row')} are not among those that PyTorch would choose")
    if abs(_rows(found) - choice.count) > choice.count - choice.clear_count:
        problems.append(f"{counted(_rows(found), 'row')}, not {choice.count}")
    return problems


def errors_of(choice: Choice, found: Arrays) -> dict[str, float]:
    """The largest error of each output over the clear rows that were found."""
    partner = match(choice.expected, found, choice.bounds)
    sure = choice.clear & (partner >= 0)
    return {
        name: float(np.abs(value[sure].astype(np.float64) - found[name][partner[sure]]).max(initial=0.0))
        for name, value in choice.expected.items()
    }


def match(first: Arrays, second: Arrays, allowed: Mapping[str, float], *, distinct: bool = True) -> NDArray[np.int64]:
    """For each row of `first` its partner in `second`, or -1: equal in integers, within `allowed` in the other values.

    With `distinct`, no row of `second` is the partner of two.
    """
    count, other = _rows(first), _rows(second)
    partner = np.full(count, -1, dtype=np.int64)
    if not other:
        return partner
    taken = np.zeros(other, dtype=bool)
    if any(second[name].shape[1:] != value.shape[1:] or len(second[name]) != other for name, value in first.items()):
        return partner  # rows of another form
    flat = {name: second[name].reshape(other, -1).astype(np.float64) for name in first}
    for row in range(count):
        distance = np.zeros(other)
        for name, value in first.items():
            gap = np.abs(flat[name] - value[row].reshape(-1).astype(np.float64)).max(axis=1, initial=0.0)
            if value.dtype.kind in "iub":
                distance[gap > 0] = np.inf
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    used = np.where(gap == 0, 0.0, gap / allowed[name])
                distance = np.maximum(distance, np.nan_to_num(used, nan=np.inf))
        if distinct:
            distance[taken] = np.inf
        best = int(distance.argmin())
        if distance[best] <= 1.0:
            partner[row] = best
            taken[best] = True
    return partner


def _rows(rows: Arrays) -> int:
    return len(next(iter(rows.values())))


def scale_of(value: Array) -> float:
    """The largest magnitude; 1 for integers, and where every value is 0."""
    largest = float(np.abs(value.astype(np.float64)).max(initial=0.0)) if value.dtype.kind == "f" else 1.0
    return largest or 1.0


def _shape_problem(expected: Arrays, found: Arrays) -> str:
    counts = {name: len(value) if value.ndim else 0 for name, value in found.items()}
    if len(set(counts.values())) > 1:
        return f"outputs of one choice have different numbers of rows: {counts}"
    for name, value in expected.items():
        if found[name].shape[1:] != value.shape[1:]:
            return f"{name} has rows of the shape {found[name].shape[1:]}, not {value.shape[1:]}"
        if found[name].dtype.kind == "f" and not np.isfinite(found[name]).all():
            return f"{name} has values that are not finite"
    return ""
