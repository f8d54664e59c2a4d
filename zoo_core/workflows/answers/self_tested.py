"""Does a model that is open and about to be used compute, in this very session, what its export says?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo_core.errors import NotVerifiedError
from zoo_core.records import CheckResult
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.verification.conclude.structure import check_results
from zoo_core.verification.expect.selection_test import check_selection_test, chooses
from zoo_core.verification.expect.self_test import (
    cases_of,
    check_self_test,
    infinite_outputs,
    self_test_inputs,
    self_test_sizes,
    validated,
)
from zoo_core.verification.feed.rows import BATCH, by_row
from zoo_core.verification.feed.sizes import Sizes, shown

Batches = Sequence[tuple[int, ...]]


def self_test(model: ExportedModel) -> tuple[CheckResult, ...]:
    """The self-test that travels inside the file, run by the session of `model`, with its threads, limits and process.

    Each row alone and, where the batch is free, in company too. All is well where every outcome is `passed`; a file
    without a self-test has one that is `not-conclusive`. Raises ZooError where the file cannot be run, or where its
    self-test is damaged.
    """
    metadata = model.metadata
    if metadata.self_test is None:
        return (CheckResult(rule="self-test", outcome="not-conclusive", detail="the file holds no self-test"),)
    test = validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    return tuple(check for case in cases_of(test) for check in _checked(model, case))


def require_self_test(model: ExportedModel, *, otherwise: str) -> None:
    """Raise NotVerifiedError, which begins with `otherwise`, unless the self-test of the file passes here; and as
    `self_test`."""
    bad = next((check for check in self_test(model) if check.outcome != "passed"), None)
    if bad is not None:
        raise NotVerifiedError(
            f"{otherwise}: its self-test says {bad.outcome}: {bad.detail}",
            hint="zoo verify says more; do not use this file, or export it again",
        )


def _checked(model: ExportedModel, case: Mapping[str, Any]) -> Iterator[CheckResult]:
    specs, inputs = model.metadata, self_test_inputs(case)
    rows = len(next(iter(inputs.values())))
    if chooses(specs.inputs, specs.outputs):
        found = [model.run({name: value[row : row + 1] for name, value in inputs.items()}) for row in range(rows)]
        yield from check_selection_test("each row alone", case, found, specs.outputs)[0]
        return
    sizes = self_test_sizes(case, inputs=specs.inputs)
    free = all(spec.axes[:1] == (BATCH,) for spec in specs.inputs.values())
    for company, batches in _companies(rows, free=free):
        where = company + (f", {shown(sizes)}" if sizes else "")
        found = [model.run({name: value[list(batch)] for name, value in inputs.items()}) for batch in batches]
        wrong = [
            check
            for batch, outputs in zip(batches, found, strict=True)
            for check in _misshapen(where, outputs, model, {BATCH: len(batch), **sizes}, case)
        ]
        yield from wrong or check_self_test(where, case, by_row(batches, found, rows))[0]


def _misshapen(
    where: str, outputs: Mapping[str, Any], model: ExportedModel, sizes: Sizes, case: Mapping[str, Any]
) -> list[CheckResult]:
    return check_results(where, outputs, model.metadata.outputs, sizes=sizes, infinite=infinite_outputs(case))


def _companies(rows: int, *, free: bool) -> Iterator[tuple[str, Batches]]:
    yield "each row alone", [(row,) for row in range(rows)]
    if free:
        yield "all rows together", [tuple(range(rows))]
        yield "rows in pairs, the other way round", [(row, (row + 1) % rows) for row in reversed(range(rows))]
