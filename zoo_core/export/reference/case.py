"""Rows of one size, and what PyTorch says has to come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import counted
from zoo_core.verification.expect.bounds import LARGEST_FLOOR, OutputBound
from zoo_core.verification.expect.odd_places import odd_rows
from zoo_core.verification.expect.self_test import ROWS as SELF_TEST_ROWS
from zoo_core.verification.expect.self_test import expectations, input_draws, self_test_inputs
from zoo_core.verification.expect.sensitivity import needed_variation, variation_of
from zoo_core.verification.feed.rows import BATCH, PLAUSIBLE, Rows
from zoo_core.verification.feed.sizes import Sizes, shown

from .reference import Arrays, ReferenceResult, TorchReference

ROW_SEED = 20_000
SELF_TEST_SEED = 10_000
SEED_STEP = 100_000
"""Between the seeds of all rows of a file, and those of the file that is made once more."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows of one size: what goes in, and what has to come out. `sizes` are those of the free axes but the batch.

    `rows` are those where PyTorch is finite, and plausible ones where it is not so in float32 and float64 alike;
    `skipped` counts the others; `refused` those before on which PyTorch raises. `assumed`: how many have the
    float32 result in place of the float64 one. `tests`: which of them are the rows of
    which part of the self-test.
    """

    sizes: Sizes
    rows: Rows = field(repr=False)
    bounds: Mapping[str, OutputBound] = field(repr=False)
    tests: tuple[tuple[Mapping[str, Any], tuple[int, ...]], ...] = field(default=(), repr=False)
    skipped: int = 0
    refused: int = 0
    assumed: int = 0

    @property
    def infinite(self) -> frozenset[str]:
        """Outputs in which PyTorch itself gives infinite or NaN values."""
        return frozenset(name for name, each in self.bounds.items() if each.odd is not None and each.odd.special.any())

    def __str__(self) -> str:
        return shown(self.sizes)


def case_of(
    plan: ExportPlan,
    result: ReferenceResult,
    rows: Rows,
    sizes: Sizes,
    draws: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, OutputBound] | None = None,
    moved: Arrays | None = None,
    seed: int = SELF_TEST_SEED,
) -> Case:
    """The case of these rows; `draws`: how the rows of some kinds are drawn again, by the self-test."""
    unlikely = corners(rows)
    kept = np.flatnonzero(result.finite | (~unlikely & result.alike))
    where = f" with {shown(sizes)}" if sizes else ""
    if not len(kept):
        raise NotVerifiedError(f"{plan.model.name}{where}: {_not_alike(result, rows)}")
    shifts = {name: value[kept] for name, value in (moved or {}).items()}
    bounds = result.take(kept).bounds(known=known, corner=unlikely[kept], moved=shifts)
    for name, bound in bounds.items():
        if bound.odd is not None and not bound.odd.ordinary.any():
            raise NotVerifiedError(f"{plan.model.name} gives no finite output {name} for any input{where}")
        if bound.relative_floor > LARGEST_FLOOR:
            raise NotVerifiedError(
                f"{name} in float32 is {bound.relative_floor:.2g} of its size away from float64, in PyTorch itself",
                hint="the model is too ill-conditioned to be checked",
            )
    left = rows.take(kept)
    tests = []
    for number, (kind, draw) in enumerate(draws.items()):
        index = left.of(kind)
        if len(index) == len(rows.of(kind)):
            some = {name: bound.take(list(index)) for name, bound in bounds.items()}
            tests.append((expectations(draw, some, seed=seed + number), index))
        elif kind in PLAUSIBLE:
            raise NotVerifiedError(f"{plan.model.name}{where}: {_not_alike(result, rows)}")
    return Case(sizes=sizes, rows=left, bounds=bounds, tests=tuple(tests), skipped=len(rows) - len(kept))


def _not_alike(result: ReferenceResult, rows: Rows) -> str:
    """Which plausible row has infinite or NaN values in one of both runs only, and how many."""
    row = next(row for row in np.flatnonzero(~result.alike) if rows.kinds[row] in PLAUSIBLE)
    kind = rows.kinds[row]
    name = next(n for n in result.float32 if odd_rows(result.float32[n][row, None], result.float64[n][row, None])[0])
    single, double = (int((~np.isfinite(run[name][row])).sum()) for run in (result.float32, result.float64))
    return (
        f"row {rows.of(kind).index(int(row)) + 1} of {kind}: {name} is not finite at {counted(single, 'place')} "
        f"in float32 and at {double} in float64, in PyTorch itself"
    )


def hardly_varies(case: Case) -> bool:
    """Whether some output varies so little over the plausible rows that the rule "sensitivity" would say nothing."""
    plausible = ~corners(case.rows)
    return any(
        variation_of(bound.expected[plausible])
        < needed_variation(float(bound.bound[plausible].max()), whole=bound.noise.whole)
        for bound in case.bounds.values()
    )


def corners(rows: Rows) -> NDArray[np.bool_]:
    """Rows that look like no real input."""
    return np.array([kind not in PLAUSIBLE for kind in rows.kinds])


def moved_of(
    reference: TorchReference, rows: Rows, corner: NDArray[np.int64], result: ReferenceResult
) -> dict[str, Any]:
    """How far the outputs of corner rows move with rounding errors of their inputs, (rows,); 0 for the others."""
    found = reference.moved(rows.take(corner).inputs, result)
    return {name: _spread(value, corner, len(rows)) for name, value in found.items()}


def _spread(values: NDArray[Any], index: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    spread = np.zeros(count)
    spread[index] = values
    return spread


def other_case(
    plan: ExportPlan, reference: TorchReference, sizes: Sizes, usual: Case, number: int, *, seed: int = 0
) -> Case:
    """The case of other sizes than the usual ones, the `number`-th of them."""
    own = SELF_TEST_SEED + SEED_STEP * seed
    seed = own + 50 * (number + 1)
    draw = draws_of(plan, sizes, plan.ranges, rows=SELF_TEST_ROWS, seed=seed)
    rows = Rows(inputs=self_test_inputs(draw), kinds=("noise",) * SELF_TEST_ROWS)
    # Few rows have a noisy floor: that of the usual size is theirs as well.
    return case_of(plan, reference.run(rows.inputs), rows, sizes, {"noise": draw}, known=usual.bounds, seed=own)


def draws_of(
    plan: ExportPlan, sizes: Sizes, ranges: Mapping[str, tuple[float, float]], *, rows: int, seed: int
) -> dict[str, Any]:
    """How rows of these sizes are drawn, here and by everybody who runs the self-test."""
    return input_draws(
        {name: (rows, *spec.shape({BATCH: 1, **sizes})[1:]) for name, spec in plan.inputs.items()},
        ranges=ranges,
        dtypes={name: spec.dtype for name, spec in plan.inputs.items()},
        seed=seed,
    )
