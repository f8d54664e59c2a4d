"""The check of an export, joined from its rules: what PyTorch computes, what the file computes, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.export.convert.program import Converted
from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
from zoo_core.export.reference.expected import Expected, with_all_exact
from zoo_core.export.reference.reference import TorchReference
from zoo_core.export.reference.staged import StagedReference
from zoo_core.records import CheckResult, Outcome, OutputError
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.vet import vet
from zoo_core.verification.conclude.onnx_check import onnx_checker
from zoo_core.verification.conclude.recheck import outcome_of
from zoo_core.verification.conclude.same_decisions import check_parity
from zoo_core.verification.conclude.structure import Interface, check_results, check_structure
from zoo_core.verification.expect.bounds import OutputBound
from zoo_core.verification.expect.selection_test import check_selection_test, check_selection_vectors
from zoo_core.verification.feed.rows import BATCH, joined
from zoo_core.verification.subject.subject import (
    DEFAULT_SETTINGS,
    SubjectError,
    SubjectResult,
    run_subject,
    started_subject,
)

from .file_check import check_metadata, check_weights, inputs_told
from .row_check import check_cases, groups_of, validation_batches
from .staged_check import check_end_to_end, check_published, check_stages
from .staged_dataset import check_staged_dataset

LARGE_FILE = 1 << 27
"""Bytes from which a file is not run by two processes at once: each holds its weights."""


_Found = tuple[list[CheckResult], tuple[OutputError, ...]]
"""Results of rules, and the worst error of each output."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Every rule's result, the worst error of each output, and the outcome that follows from them."""

    checks: tuple[CheckResult, ...]
    outputs: tuple[OutputError, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What follows from all of them."""
        return outcome_of(self.checks)


def check_file(
    path: Path,
    plan: ExportPlan,
    *,
    expected: Expected,
    converted: Converted,
    reference: TorchReference,
    metadata: Metadata,
    copy: Path | None = None,
    meanwhile: Callable[[OnnxFile], None] = lambda file: None,
) -> Verdict:
    """Judge the saved file at `path` by every rule; `metadata` is what it has to say of itself.

    `copy` is the same file with the cuts of a model in stages as further outputs. `meanwhile` is called while the file
    runs, if it gets as far as that, and after it has run where it is large.
    """
    try:
        file = vet(path)
    except ZooError as error:
        return Verdict(checks=(CheckResult(rule="structure", outcome="failed", detail=error.message),))
    checks = [inputs_told(expected), *expected.told, *_as_planned(file, plan), *check_metadata(file, metadata)]
    if any(check.outcome == "failed" and check.rule == "structure" for check in checks):
        # Results of a file with other inputs or outputs could not be told apart.
        return Verdict(checks=(*checks, *check_weights(file, plan, converted, reference)))

    weights = partial(check_weights, file, plan, converted, reference)
    run = partial(_check_numbers, path, plan, expected, reference, copy or path)
    found, errors = _beside_each_other(run, weights, partial(meanwhile, file), large=path.stat().st_size >= LARGE_FILE)
    return Verdict(checks=(*checks, *found), outputs=errors)


def _beside_each_other(
    run: Callable[[Callable[[], None]], _Found],
    weights: Callable[[], list[CheckResult]],
    meanwhile: Callable[[], None],
    *,
    large: bool,
) -> _Found:
    """What `run` finds, and before that what `weights` finds while the file runs; `meanwhile` then, too, or afterwards
    where the file is `large`."""
    found: list[CheckResult] = []

    def beside() -> None:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(weights)
            if not large:
                meanwhile()
            found.extend(waiting.result())

    try:
        results, errors = run(beside)
        if large:
            meanwhile()
    except SubjectError as error:
        results, errors = [CheckResult(rule="run", outcome="failed", detail=error.message)], ()
    return [*found, *results], errors


def _as_planned(file: OnnxFile, plan: ExportPlan) -> list[CheckResult]:
    interface = Interface(inputs=plan.inputs, outputs=plan.outputs, opset=plan.opset)
    return [*check_structure(file, interface), onnx_checker(file.path)]


def _check_numbers(
    path: Path, plan: ExportPlan, expected: Expected, reference: TorchReference, copy: Path, beside: Callable[[], None]
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    """The rules for what the file computes, `beside` done first or while it runs. Raises SubjectError when it cannot be
    run."""
    if expected.staged is not None:
        beside()
        checks, errors = _check_staged(path, copy, plan, expected, expected.staged)
        if plan.validation is not None and expected.chosen:
            checks.append(check_staged_dataset(path, plan, plan.validation, expected.chosen, reference))
        return checks, errors
    with started_subject(path, groups_of(plan, expected)) as wait:
        beside()
        result = wait()
    checks, errors = check_cases(plan, expected, result)
    if expected.usual.assumed and outcome_of(checks) != "verified":
        expected = with_all_exact(plan, reference, expected)
        checks, errors = check_cases(plan, expected, result)
    if plan.validation is not None and plan.task.spec.is_trained:
        checks.append(_parity(plan, plan.validation, expected, result, reference))
    return checks, errors


def _check_staged(
    path: Path, copy: Path, plan: ExportPlan, expected: Expected, staged: StagedReference
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    """The rules for a model in stages: each stage in the checking copy, then the file itself against that copy."""
    group = groups_of(plan, expected)[0]
    rows = expected.usual.rows
    checks: list[CheckResult] = []
    errors: dict[str, OutputError] = {}
    for setting in DEFAULT_SETTINGS:
        where = str(setting)
        copies = run_subject(copy, [group], settings=(setting,)).outputs[setting, group.name]
        mine = run_subject(path, [group], settings=(setting,)).outputs[setting, group.name]
        found = check_stages(where, plan, staged, rows, copies)
        checks += found.checks
        for error in found.errors:
            if error.name not in errors or not error.floors <= errors[error.name].floors:
                errors[error.name] = error
        published = check_published(where, plan, mine, copies, exact=setting.level == "none")
        checks += published
        if any(check.outcome == "failed" and check.rule == "structure" for check in published):
            continue  # rows of another form cannot be compared
        checks.append(check_end_to_end(where, expected.choices, mine))
        for test, index in expected.usual.tests:
            checks += check_selection_test(where, test, [mine[row] for row in index], plan.outputs)[0]
        checks.append(check_selection_vectors(where, expected.vector_outputs, mine[expected.vectors[0]]))
    return checks, tuple(errors.values())


def _parity(
    plan: ExportPlan,
    validation: LabelledInputs,
    expected: Expected,
    result: SubjectResult,
    reference: TorchReference,
) -> CheckResult:
    outputs = result.outputs[DEFAULT_SETTINGS[0], "validation"]
    for batch, rows in zip(outputs, validation_batches(plan, len(validation.targets)), strict=True):
        sizes = {BATCH: len(rows), **expected.usual.sizes}
        if wrong := check_results("validation", batch, plan.outputs, sizes=sizes, infinite=expected.usual.infinite):
            return wrong[0]

    def bounds_of(rows: NDArray[np.int64]) -> dict[str, OutputBound]:
        some = {name: value[rows] for name, value in validation.inputs.items()}
        return reference.run(some).bounds(known=expected.usual.bounds)

    return check_parity(
        plan.task,
        torch_outputs=expected.validation or {},
        file_outputs=joined(outputs),
        targets=validation.targets,
        reference=bounds_of,
    )
