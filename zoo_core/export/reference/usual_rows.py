"""The rows of the usual size: which kinds there are, how the self-test draws them again, what PyTorch refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.verification.expect.self_test import ROWS as SELF_TEST_ROWS
from zoo_core.verification.expect.self_test import self_test_inputs
from zoo_core.verification.feed.rows import HIGH, LOW, PLAUSIBLE, Rows, make_rows, rows_needed
from zoo_core.verification.feed.sizes import Sizes

from .case import ROW_SEED, SEED_STEP, SELF_TEST_SEED, draws_of
from .reference import ReferenceResult, TorchReference

NARROW = 1e-3
FEW_DRAWN = 2
NEARLY_CONSTANT = "nearly constant"
"""Shows faults that noise averages out, such as a leak where a Relu belongs."""
END = 0.25
"""The part of a range that counts as one of its ends."""


@dataclass(frozen=True, kw_only=True)
class UsualRows:
    """Rows of the usual size, what PyTorch gives for them, and how the self-test draws some kinds of them again.

    `refused`: how many corner rows were left out because PyTorch itself raises on them. `assumed`: of how many rows no
    float64 result was computed; they have the float32 one in its place.
    """

    rows: Rows = field(repr=False)
    result: ReferenceResult = field(repr=False)
    draws: Mapping[str, Mapping[str, Any]]
    refused: int = 0
    assumed: int = 0


def usual_rows(
    plan: ExportPlan,
    reference: TorchReference,
    sizes: Sizes,
    *,
    seed: int = 0,
    with_ends: bool = False,
    all_exact: bool = False,
) -> UsualRows:
    """Samples, noise and corners, run by PyTorch; `with_ends` also rows whose inputs lie at the ends of their ranges.

    `all_exact`: zeros, constants and extremes are run in float64 too. They say nothing of the bounds, and a file that
    agrees with float32 on them within these is right: only of another file the float64 result is asked for.

    Raises NotVerifiedError where PyTorch is no reference, or fails on plausible rows.
    """
    draws = _draws(plan, sizes, seed=SELF_TEST_SEED + SEED_STEP * seed, with_ends=with_ends)
    given: dict[str, Mapping[str, Any]] = {kind: self_test_inputs(draw) for kind, draw in draws.items()}
    if (samples := plan.samples()) is not None:
        given = {"sample": samples, **given}
    rows = make_rows(plan.inputs, ranges=plan.ranges, given=given, sizes=sizes, seed=ROW_SEED + SEED_STEP * seed)
    try:
        return _run(reference, rows, draws, all_exact=all_exact)
    except NotVerifiedError:
        kept = _not_refused(reference, rows)
        if len(kept) == len(rows):
            raise
        found = _run(reference, rows.take(kept), draws, all_exact=all_exact)
        return dataclasses.replace(found, refused=len(rows) - len(kept))


def _run(
    reference: TorchReference, rows: Rows, draws: Mapping[str, Mapping[str, Any]], *, all_exact: bool
) -> UsualRows:
    exact = np.array([all_exact or kind in PLAUSIBLE or kind in draws for kind in rows.kinds])
    result = reference.run(rows.inputs, exact=exact)
    return UsualRows(rows=rows, result=result, draws=draws, assumed=int((~exact).sum()))


def _draws(plan: ExportPlan, sizes: Sizes, *, seed: int, with_ends: bool) -> dict[str, Mapping[str, Any]]:
    count = rows_needed(plan.inputs, ranges=plan.ranges, sizes=sizes, least=SELF_TEST_ROWS)
    draws: dict[str, Mapping[str, Any]] = {"noise": draws_of(plan, sizes, plan.ranges, rows=count, seed=seed)}
    if all(spec.dtype.startswith("float") for spec in plan.inputs.values()):
        narrow = {name: _nearly_constant(*limits) for name, limits in plan.ranges.items()}
        draws[NEARLY_CONSTANT] = draws_of(plan, sizes, narrow, rows=FEW_DRAWN, seed=seed + 25)
    if with_ends:
        draws[LOW] = draws_of(plan, sizes, _ends(plan, first_is_low=True), rows=FEW_DRAWN, seed=seed + 30)
        draws[HIGH] = draws_of(plan, sizes, _ends(plan, first_is_low=False), rows=FEW_DRAWN, seed=seed + 40)
    return draws


def _nearly_constant(low: float, high: float) -> tuple[float, float]:
    middle = (low + high) / 2
    return middle, middle + NARROW * (high - low)


def _ends(plan: ExportPlan, *, first_is_low: bool) -> dict[str, tuple[float, float]]:
    """The ranges of the inputs with those of floats cut to an end, the low and the high one in turn."""
    ranges, is_low = {}, first_is_low
    for name, (low, high) in plan.ranges.items():
        part = END * (high - low)
        cut = (low, low + part) if is_low else (high - part, high)
        ranges[name] = cut if plan.inputs[name].dtype.startswith("float") else (low, high)
        is_low = not is_low
    return ranges


def _not_refused(reference: TorchReference, rows: Rows) -> list[int]:
    """The rows without the corner ones on which PyTorch itself raises: such a row is no fault of the file."""
    kept = []
    for row, kind in enumerate(rows.kinds):
        if kind not in PLAUSIBLE:
            try:
                reference.float32({name: value[row : row + 1] for name, value in rows.inputs.items()})
            except NotVerifiedError:
                continue
        kept.append(row)
    return kept
