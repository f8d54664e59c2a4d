"""The check of a model in stages: the verdict on what the file computed, stage by stage and as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.staged import StagedReference, padded, stage_bound
from zoo_core.export.reference.staged_expected import one_row
from zoo_core.records import CheckResult, OutputError, counted
from zoo_core.verification.expect.bounds import LARGEST_FLOOR, OutputBound, check_values, output_error
from zoo_core.verification.expect.selections import Choice, errors_of, match, problems_of, scale_of
from zoo_core.verification.expect.sensitivity import check_sensitivity
from zoo_core.verification.feed.rows import PLAUSIBLE, Rows
from zoo_core.verification.feed.sizes import sizes_of

END_TO_END_PART = 0.9


@dataclass(frozen=True, kw_only=True)
class StageFindings:
    """Results of the rules, and the worst error of each declared output."""

    checks: list[CheckResult]
    errors: list[OutputError]


def check_stages(
    where: str, plan: ExportPlan, staged: StagedReference, rows: Rows, copies: Sequence[Mapping[str, Any]]
) -> StageFindings:
    """Rules "values", "sensitivity" and "choices": every stage, on what the checking copy gave to it, row by row."""
    given = _Given(
        where=where,
        staged=staged,
        tensors=[{**one_row(rows.inputs, row), **copy} for row, copy in enumerate(copies)],
        plausible=np.array([kind in PLAUSIBLE for kind in rows.kinds]),
    )
    checks: list[CheckResult] = []
    errors: list[OutputError] = []
    for number, stage in enumerate(staged.stages):
        found = (_check_choices if stage.selects else _check_stage_values)(given, number)
        checks += found.checks
        errors += [error for error in found.errors if error.name in plan.outputs]
    return StageFindings(checks=checks, errors=errors)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What the checking copy gave, row by row: the inputs and every tensor of its stages, by name."""

    where: str
    staged: StagedReference
    tensors: Sequence[Mapping[str, Any]] = field(repr=False)
    plausible: NDArray[np.bool_]


def _check_stage_values(given: _Given, number: int) -> StageFindings:
    stage = given.staged.stages[number]
    where = f"{given.where}, stage {stage.name}"
    found = StageFindings(checks=[], errors=[])
    runs = [given.staged.run(number, each) for each in given.tensors]
    corner = ~given.plausible
    own = {name: stage_bound(runs, name, corner=corner) for name in stage.outputs}
    # Few rows have a noisy floor: none of a stage's tensors is taken to have a smaller one than half of them.
    usual_floor = float(np.median([bound.relative_floor for bound in own.values()]))
    sensitive: list[CheckResult] = []
    for name in stage.outputs:
        shapes = [(each[name].shape, run.single[name].shape) for each, run in zip(given.tensors, runs, strict=True)]
        if wrong := [shape for shape, wanted in shapes if shape != wanted]:
            text = f"{where}: {name} has the shape {wrong[0]}"
            found.checks.append(CheckResult(rule="structure", outcome="failed", detail=text))
            continue
        bound = stage_bound(runs, name, corner=corner, known_floor=usual_floor)
        actual = padded([each[name] for each in given.tensors])
        found.checks.extend(check_values(where, {name: actual}, {name: bound}))
        found.checks.extend(_ill_conditioned(where, bound))
        found.errors.append(output_error(actual, bound))
        largest = {name: float(bound.bound[given.plausible].max())}
        sensitive += check_sensitivity(where, {name: actual[given.plausible]}, largest)
    # The first stages only: what comes after a choice has other rows for every input.
    if sensitive and not any(each.selects for each in given.staged.stages[:number]):
        found.checks.append(_stage_sensitivity(where, sensitive))
    return found


def _ill_conditioned(where: str, bound: OutputBound) -> list[CheckResult]:
    if bound.relative_floor <= LARGEST_FLOOR:
        return []
    text = f"{where}: {bound.name} in float32 is {bound.relative_floor:.2g} of its size away from float64"
    return [CheckResult(rule="values", outcome="not-conclusive", detail=text)]


def _stage_sensitivity(where: str, tensors: Sequence[CheckResult]) -> CheckResult:
    """Rule "sensitivity" for what is handed on inside a model: some of it may hardly vary, such as boxes that are cut
    off at the border of a small picture; most of it must."""
    still = [result.detail.partition(": ")[2] for result in tensors if result.outcome != "passed"]
    text = f"{where}: {len(tensors) - len(still)} of {counted(len(tensors), 'tensor')} vary with the input"
    text += f" ({'; '.join(still[:2])})" if still else ""
    enough = 2 * len(still) <= len(tensors)
    return CheckResult(rule="sensitivity", outcome="passed" if enough else "not-conclusive", detail=text)


def _check_choices(given: _Given, number: int) -> StageFindings:
    stage = given.staged.stages[number]
    where = f"{given.where}, stage {stage.name}"
    problems: list[str] = []
    clear = total = 0
    worst = dict.fromkeys(stage.outputs, (0.0, 0.0, 0.0))
    for plausible, each in zip(given.plausible, given.tensors, strict=True):
        choice = given.staged.choose(number, each)
        chosen = {name: each[name] for name in stage.outputs}
        problems += problems_of(choice, chosen, in_order=bool(plausible))  # pictures of one colour are all ties
        if plausible:
            clear, total = clear + choice.clear_count, total + choice.count
        if not problems:
            for name, error in errors_of(choice, chosen).items():
                worst[name] = max(worst[name], (error, choice.bounds[name], choice.floors[name]))
    text = f"{where} chooses as PyTorch does, {clear:,} clear rows of {total:,}"
    outcome: Literal["passed", "failed", "not-conclusive"] = "passed"
    if problems:
        outcome, text = "failed", f"{where}: {'; '.join(problems[:3])}"
    elif 2 * clear < total:
        outcome, text = "not-conclusive", f"{where}: only {clear:,} of {counted(total, 'row')} are clear"
    return StageFindings(
        checks=[CheckResult(rule="choices", outcome=outcome, detail=text)],
        errors=[
            OutputError(name=name, error=error, bound=bound, floors=error / floor if floor else 0.0)
            for name, (error, bound, floor) in worst.items()
        ],
    )


def check_end_to_end(where: str, choices: Mapping[int, Choice], published: Sequence[Mapping[str, Any]]) -> CheckResult:
    """Rule "end to end": of what the whole model clearly chooses, nine in ten rows are in the file's result.

    Not all: onnxruntime's rounding before a choice is its own, and may tip what PyTorch's would not.
    """
    clear = there = 0
    for row, choice in choices.items():
        partner = match(choice.expected, published[row], choice.bounds)
        clear, there = clear + choice.clear_count, there + int((choice.clear & (partner >= 0)).sum())
    text = f"{where}: {there} of {clear} clear rows of the whole model are there, within their bounds"
    passed = clear > 0 and there >= END_TO_END_PART * clear
    return CheckResult(rule="end to end", outcome="passed" if passed else "failed", detail=text)


def check_published(
    where: str,
    plan: ExportPlan,
    published: Sequence[Mapping[str, Any]],
    copies: Sequence[Mapping[str, Any]],
    *,
    exact: bool,
) -> list[CheckResult]:
    """Rules "structure" and "copy": the file itself gives what the checking copy, with the same nodes, gives.

    `exact`: bit by bit, where onnxruntime does not optimise. Where it does, the cuts stop some of its fusions, and
    rows that hang by a hair may change.
    """
    checks: list[CheckResult] = []
    differing = total = 0
    for number, (own, copy) in enumerate(zip(published, copies, strict=True)):
        if wrong := form_problem(plan, own):
            checks.append(CheckResult(rule="structure", outcome="failed", detail=f"{where}, input {number}: {wrong}"))
            continue
        rows = {name: copy[name] for name in plan.outputs}
        near = {name: 1e-3 * scale_of(value) for name, value in rows.items()}
        count = max(len(next(iter(rows.values()))), len(own[next(iter(rows))]))
        total += count
        if not all(own[name].tobytes() == value.tobytes() for name, value in rows.items()):
            lost = count - int((match(rows, own, near) >= 0).sum())
            differing += max(1, lost) if exact else lost
    allowed = 0 if exact else total // 5
    text = f"{where}: {total - differing:,} of {counted(total, 'row')} are those of the checking copy"
    checks.append(CheckResult(rule="copy", outcome="failed" if differing > allowed else "passed", detail=text))
    return checks


def form_problem(plan: ExportPlan, outputs: Mapping[str, Any]) -> str:
    """What is wrong with the shapes and dtypes of chosen rows, in words; they may be none at all."""
    for name, spec in plan.outputs.items():
        value = outputs[name]
        if value.ndim != len(spec.axes) or str(value.dtype) != spec.dtype or not np.isfinite(value).all():
            return f"{name} is {value.dtype} of the shape {value.shape}, or not finite"
    try:
        if any(outputs[name].size for name in plan.outputs):
            sizes_of({name: outputs[name].shape for name in plan.outputs}, plan.outputs)
    except ZooError as error:
        return error.message
    return ""
