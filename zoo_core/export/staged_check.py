"""The check of a model in stages: what is expected of it, and the verdict on what the file computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.records import CheckResult, OutputError
from zoo_core.verification.bounds import LARGEST_FLOOR, OutputBound, check_sensitivity, check_values, output_error
from zoo_core.verification.inputs import PLAUSIBLE, Rows
from zoo_core.verification.selections import Choice, choice_of, errors_of, match, problems_of, scale_of
from zoo_core.verification.sizes import sizes_of

from .plan import ExportPlan
from .reference import Arrays, TorchReference
from .staged import JITTERS, StagedReference, moved_by_rounding, padded, stage_bound

STAGED_ROWS = 2
"""Rows of each plausible kind: every one of them runs alone, in float64 too, and once more a setting."""
END_TO_END_PART = 0.9
FEWEST_ROWS = 10
"""Rows that must be chosen for a plausible input, or too little of the model is seen."""


def one_row(inputs: Mapping[str, Any], row: int) -> Arrays:
    """A batch of this row alone."""
    return {name: value[row : row + 1] for name, value in inputs.items()}


def check_composition(
    plan: ExportPlan, reference: TorchReference, staged: StagedReference, rows: Rows
) -> tuple[CheckResult, ...]:
    """Rules "stages" and "sensitivity" in PyTorch: the stages give what `forward` gives, and enough of it to judge."""
    problems, fewest, judged = [], None, 0
    for row, kind in enumerate(rows.kinds):
        if kind not in PLAUSIBLE:
            continue  # a picture of one colour is all ties, and each code breaks them in its own way
        judged += 1
        inputs = one_row(rows.inputs, row)
        original, composed = reference.float32(inputs), staged.compose(inputs)
        total = max(len(next(iter(original.values()))), len(composed[next(iter(original))]))
        near = {name: 1e-4 * scale_of(value) for name, value in original.items()}
        lost = total - int((match(original, {n: composed[n] for n in original}, near) >= 0).sum())
        # A row at the edge of a threshold may fall on either side of it: one in fifty, not more.
        if lost > max(1, total // 50):
            problems.append(f"{lost} of {total} rows for a {kind} input differ")
        fewest = total if fewest is None else min(fewest, total)
    text = "; ".join(problems) or f"the stages give what forward gives, on {judged} inputs"
    stages = CheckResult(rule="stages", outcome="failed" if problems else "passed", detail=text)
    few = fewest is not None and fewest < FEWEST_ROWS
    text = f"{plan.model.name} chooses {fewest} rows or more for a plausible input; {FEWEST_ROWS} are needed"
    return stages, CheckResult(rule="sensitivity", outcome="not-conclusive" if few else "passed", detail=text)


def end_to_end(reference: TorchReference, inputs: Mapping[str, Any], row: int) -> Choice:
    """What the whole model chooses for one row, and what of it is sure. Raises NotVerifiedError without float64."""
    given = one_row(inputs, row)
    exact, single = reference.float64(given), reference.float32(given)
    if exact is None:
        raise NotVerifiedError("the model cannot be run in float64")
    moved = [
        reference.float32({name: moved_by_rounding(name, value, trial) for name, value in given.items()})
        for trial in range(JITTERS)
    ]
    return choice_of(exact, single, moved)


def selection_vector(plan: ExportPlan, reference: TorchReference, rows: Rows) -> tuple[int, Arrays]:
    """A plausible row, and its outputs in float32, as test vectors.

    The first one whose result is the same in float32 and float64, in its order too; the first of all if none is.
    """
    found: list[tuple[int, Arrays]] = []
    for row, kind in enumerate(rows.kinds):
        if kind not in PLAUSIBLE:
            continue
        inputs = one_row(rows.inputs, row)
        single, exact = reference.float32(inputs), reference.float64(inputs)
        found.append((row, {name: value.astype(plan.outputs[name].dtype) for name, value in single.items()}))
        if exact is not None and all(_alike(single[name], exact[name]) for name in single):
            return found[-1]
    return found[0]


def _alike(first: Any, second: Any) -> bool:
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-4, atol=1e-8))


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
    text = f"{where}: {len(tensors) - len(still)} of {len(tensors)} tensors vary with the input"
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
        outcome, text = "not-conclusive", f"{where}: only {clear:,} of {total:,} rows are clear"
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
        if wrong := _form_problem(plan, own):
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
    text = f"{where}: {total - differing:,} of {total:,} rows are those of the checking copy"
    checks.append(CheckResult(rule="copy", outcome="failed" if differing > allowed else "passed", detail=text))
    return checks


def _form_problem(plan: ExportPlan, outputs: Mapping[str, Any]) -> str:
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
