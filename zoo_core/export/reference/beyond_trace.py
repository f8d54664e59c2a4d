"""What is expected where the trace vouches for nothing: sizes that break its conditions, far ones without a trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from zoo_core.errors import NotVerifiedError
from zoo_core.export.convert.program import Converted
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import CheckResult
from zoo_core.verification.feed.sizes import Sizes, shown

from .case import other_case
from .expected import Expected
from .reference import TorchReference
from .within_limits import LARGEST_ROW, row_size

FAR = 8
"""Times the usual size: a decision by size that a user meets is taken somewhere below."""


def beyond_trace(plan: ExportPlan, converted: Converted, known: Expected, reference: TorchReference) -> Expected:
    """What is expected at the usual sizes and those beyond what the trace vouches for; `told` says which and why.

    A size that PyTorch itself refuses is left out, and one whose rows would be too large.
    """
    told: list[str] = []
    cases = list(known.cases)
    for sizes, why in (*_exceptions(plan, converted, known), *_far(plan, converted, known)):
        if sizes in [case.sizes for case in cases] or row_size(plan, sizes) > LARGEST_ROW:
            continue
        try:
            cases.append(other_case(plan, reference, sizes, known.usual, len(cases), seed=known.seed))
        except NotVerifiedError:
            told.append(f"{why}; {shown(sizes)} is refused by PyTorch itself")
            continue
        told.append(f"{why}; {shown(sizes)} was run")
    results = tuple(CheckResult(rule="axes", outcome="passed", detail=text) for text in told)
    return dataclasses.replace(known, cases=tuple(cases), told=(*known.told, *results))


def _exceptions(plan: ExportPlan, converted: Converted, known: Expected) -> Iterator[tuple[Sizes, str]]:
    """Legal sizes that break a condition of the trace, near the usual ones."""
    usual = known.usual.sizes
    for relation in converted.relations:
        if not set(relation.axes) <= set(usual):
            continue
        sizes = relation.exception(usual, smallest=plan.model.spec.smallest, largest=plan.largest)
        if sizes is not None:
            yield sizes, f"the trace takes for granted that {relation.text}"


def _far(plan: ExportPlan, converted: Converted, known: Expected) -> Iterator[tuple[Sizes, str]]:
    if converted.exporter != "torchscript":
        return
    why = "the TorchScript exporter keeps no account of the sizes for which its trace holds: nothing is known of others"
    usual = known.usual.sizes
    for axis, size in usual.items():
        far = min(FAR * size, plan.largest.get(axis, FAR * size))
        while far > size and row_size(plan, {**usual, axis: far}) > LARGEST_ROW:
            far //= 2
        if far > size:
            yield {**usual, axis: far}, why
