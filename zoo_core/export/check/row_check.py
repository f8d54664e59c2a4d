"""The check of a model that is a plain function of its rows: what is run, and the verdict on each case of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.case import Case
from zoo_core.export.reference.expected import Expected
from zoo_core.records import CheckResult, OutputError
from zoo_core.verification.conclude.same_decisions import check_decisions
from zoo_core.verification.conclude.structure import check_results
from zoo_core.verification.expect.bounds import check_values, output_error
from zoo_core.verification.expect.self_test import check_self_test
from zoo_core.verification.expect.sensitivity import check_sensitivity
from zoo_core.verification.expect.vector_test import check_vectors
from zoo_core.verification.feed.rows import BATCH, PLAUSIBLE, batches_of, by_row, joined
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, Setting, SubjectResult

VALIDATION_BATCH = 64
ONE_OF_EACH = "one of each kind"


def check_cases(
    plan: ExportPlan, expected: Expected, result: SubjectResult
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    """The rules for what the file computed, under every setting; and the worst error of each output."""
    checks: list[CheckResult] = []
    errors: dict[str, OutputError] = {}
    default, *others = DEFAULT_SETTINGS
    runs = [
        *(_check_case(default, plan, case, result, expected) for case in expected.cases),
        *(_check_kinds(setting, plan, expected.usual, result) for setting in others),
    ]
    for found, worst in runs:
        checks += found
        for error in worst:
            if error.name not in errors or not error.floors <= errors[error.name].floors:
                errors[error.name] = error
    return checks, tuple(errors.values())


def _group(case: Case) -> str:
    return f"rows {case}"


def _one_of_each(plan: ExportPlan, case: Case) -> list[tuple[int, ...]]:
    """A row of each kind, together where the batch is free."""
    rows = [case.rows.of(kind)[0] for kind in dict.fromkeys(case.rows.kinds)]
    return [tuple(rows)] if plan.batch_is_free else [(row,) for row in rows]


def groups_of(plan: ExportPlan, expected: Expected) -> list[Group]:
    """What the file is to run."""
    free = plan.batch_is_free
    groups = [
        Group(
            name=_group(case),
            inputs=case.rows.inputs,
            batches=batches_of(len(case.rows), free=free),
            when="first" if expected.staged is None else "always",
        )
        for case in expected.cases
    ]
    if expected.staged is None:
        usual = expected.usual
        batches = _one_of_each(plan, usual)
        groups.append(Group(name=ONE_OF_EACH, inputs=usual.rows.inputs, batches=batches, when="later"))
    if plan.validation is not None:
        cuts = validation_batches(plan, len(plan.validation.targets))
        groups.append(Group(name="validation", inputs=plan.validation.inputs, batches=cuts, when="first"))
    return groups


def validation_batches(plan: ExportPlan, total: int) -> list[range]:
    """How so many samples are cut into batches."""
    step = VALIDATION_BATCH if plan.batch_is_free else 1
    return [range(start, min(start + step, total)) for start in range(0, total, step)]


def _check_case(
    setting: Setting, plan: ExportPlan, case: Case, result: SubjectResult, expected: Expected
) -> tuple[list[CheckResult], list[OutputError]]:
    """Every rule about numbers, on the batches of 1, 2, 3 and 5 rows."""
    batches = batches_of(len(case.rows), free=plan.batch_is_free)
    where, found = _where(setting, case), result.outputs[setting, _group(case)]
    checks, errors = _check_rows(where, plan, case, batches, found)
    if not errors:
        return checks, []
    single = by_row(batches, found, len(case.rows))
    for test, rows in case.tests:
        checks += check_self_test(where, test, {name: value[list(rows)] for name, value in single.items()})[0]
    if case is expected.usual:  # a smallest size may well leave nothing to see
        checks += _check_usual(where, plan, case, single, expected)
    return checks, errors


def _check_kinds(
    setting: Setting, plan: ExportPlan, case: Case, result: SubjectResult
) -> tuple[list[CheckResult], list[OutputError]]:
    """The rules about single rows, on one of each kind: what onnxruntime's optimisations might hide, or bring in."""
    return _check_rows(
        _where(setting, case), plan, case, _one_of_each(plan, case), result.outputs[setting, ONE_OF_EACH]
    )


def _where(setting: Setting, case: Case) -> str:
    return str(setting) + (f", {case}" if case.sizes else "")


def _check_rows(
    where: str,
    plan: ExportPlan,
    case: Case,
    batches: Sequence[Sequence[int]],
    found: Sequence[Mapping[str, Any]],
) -> tuple[list[CheckResult], list[OutputError]]:
    """Rules "structure", "values" and "decisions"; no error of an output where the first of them fails."""
    checks: list[CheckResult] = []
    for rows, outputs in zip(batches, found, strict=True):
        sizes = {BATCH: len(rows), **case.sizes}
        batch = f"{where}, batch of {len(rows)}"
        checks += check_results(batch, outputs, plan.outputs, sizes=sizes, infinite=case.infinite)
    if checks:
        return checks, []
    index = np.array([row for rows in batches for row in rows])
    bounds = {name: bound.take(index) for name, bound in case.bounds.items()}
    actual = joined(found)
    checks += check_values(where, actual, bounds)
    if (deciding := plan.task.deciding) is not None:
        checks.append(check_decisions(where, deciding, actual, bounds))
    return checks, [output_error(actual[name], bound) for name, bound in bounds.items()]


def _check_usual(
    where: str, plan: ExportPlan, case: Case, actual: Mapping[str, Any], expected: Expected
) -> list[CheckResult]:
    """Rules "sensitivity" and "test vectors", on the rows of the usual size."""
    plausible = np.array([kind in PLAUSIBLE for kind in case.rows.kinds])
    vectors = list(expected.vectors)
    return [
        *check_sensitivity(
            where,
            {name: value[plausible] for name, value in actual.items()},
            {name: float(bound.bound[plausible].max()) for name, bound in case.bounds.items()},
            advice=plan.advice_if_constant,
        ),
        *check_vectors(
            where,
            {name: value for name, value in expected.vector_outputs.items() if case.bounds[name].is_decided},
            {name: value[vectors] for name, value in actual.items()},
            bounds={name: float(bound.bound.max()) for name, bound in case.bounds.items()},
        ),
    ]
