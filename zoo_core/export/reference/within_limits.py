"""What is expected where the trace takes sizes for granted: no case beyond them, and cases at their ends."""

from __future__ import annotations

import dataclasses
import math

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import CheckResult
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes, end_cases

from .case import other_case
from .expected import Expected
from .reference import TorchReference

LARGEST_ROW = 1 << 24
"""Numbers in a row of an input that is run at the end of an axis."""


def within_limits(plan: ExportPlan, known: Expected, reference: TorchReference) -> Expected:
    """What is expected within the sizes that the trace takes for granted (`plan.traced`), the ends among them.

    Raises NotVerifiedError where the usual size is none of them.
    """
    if not plan.traced:
        return known
    told = tuple(CheckResult(rule="axes", outcome="passed", detail=text) for text in limits_told(plan))
    kept = tuple(case for case in known.cases if _is_within(plan, case.sizes))
    if not kept or kept[0] is not known.usual:
        raise NotVerifiedError(
            f"{plan.model.name}: {'; '.join(limits_told(plan))}, and the usual size is {known.usual}",
            hint="declare it: largest={axis: size} in the ModelSpec, or a fixed size in place of the free axis; "
            f"or give {' '.join(f'--size {axis}={size}' for axis, size in plan.traced.items())}",
        )
    ends = {axis: size for axis, size in plan.largest.items() if axis != BATCH and axis in known.usual.sizes}
    usual = known.usual
    extra = [sizes for sizes in end_cases(usual.sizes, ends=ends) if sizes not in [case.sizes for case in kept]]
    fitting = [sizes for sizes in extra if row_size(plan, sizes) <= LARGEST_ROW]
    if len(fitting) < len(extra):
        text = f"an end was not run: a row would hold more than {LARGEST_ROW:,} numbers"
        told = (*told, CheckResult(rule="axes", outcome="passed", detail=text))
    first = len(known.cases)
    cases = [
        other_case(plan, reference, sizes, usual, first + place, seed=known.seed) for place, sizes in enumerate(fitting)
    ]
    return dataclasses.replace(known, cases=(*kept, *cases), told=(*known.told, *told))


def row_size(plan: ExportPlan, sizes: Sizes) -> int:
    """Numbers in one row of the largest input."""
    return max(math.prod(spec.shape({BATCH: 1, **sizes})) for spec in plan.inputs.values())


def limits_told(plan: ExportPlan) -> list[str]:
    """For each axis that the trace ends, where."""
    return [
        f"the axis {axis} is free up to {size}: the trace takes it for granted, and larger ones are refused"
        for axis, size in plan.traced.items()
    ]


def _is_within(plan: ExportPlan, sizes: Sizes) -> bool:
    return all(size <= plan.largest.get(axis, size) for axis, size in sizes.items())
