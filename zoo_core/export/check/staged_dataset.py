"""Rule "dataset" for a model in stages: do the file and PyTorch choose alike on real samples?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo_core.errors import ZooError
from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
from zoo_core.export.reference.reference import Arrays, TorchReference
from zoo_core.export.reference.staged_expected import end_to_end
from zoo_core.records import CheckResult, counted
from zoo_core.shapes import joined_rows
from zoo_core.verification.conclude.same_decisions import MOST_COMPARED
from zoo_core.verification.expect.selections import NEAR, Choice, match, problems_of, scale_of
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, run_subject

from .staged_check import form_problem

SAME = 1e-4
"""Of the size of an output: rows of PyTorch and of the file that are no farther apart are the same."""


def check_staged_dataset(
    path: Path,
    plan: ExportPlan,
    validation: LabelledInputs,
    theirs: Sequence[Arrays],
    reference: TorchReference,
) -> CheckResult:
    """The metric of PyTorch, whose float32 outputs are `theirs`, sample by sample, and of the file on the same samples;
    fails where a row is chosen that the other does not choose, and that no rounding could have tipped."""
    batches = [range(row, row + 1) for row in range(len(theirs))]
    group = Group(name="validation", inputs=validation.inputs, batches=batches)
    setting = DEFAULT_SETTINGS[0]
    ours = run_subject(path, [group], settings=(setting,)).outputs[setting, group.name]
    for row, found in enumerate(ours):
        if wrong := form_problem(plan, found):
            return _result("failed", f"sample {row}: {wrong}")
    name = plan.task.spec.selection
    try:
        measured = [plan.task.metrics(_joined(plan, rows), validation.targets)[name] for rows in (theirs, ours)]
    except ZooError as error:
        return _result("failed", f"the outputs for real samples cannot be measured: {error.message}")
    text = f"{name} PyTorch {measured[0]:.4f}, file {measured[1]:.4f} on {counted(len(theirs), 'sample')}"
    lost = np.array([_differing(plan, first, second) for first, second in zip(theirs, ours, strict=True)])
    total = sum(len(each[next(iter(plan.outputs))]) for each in theirs)
    text += f"; {lost.sum():,} of {counted(total, 'row')} differ"
    if not lost.any():
        return _result("passed", text)
    for row in np.argsort(-lost, kind="stable")[: min(MOST_COMPARED, int((lost > 0).sum()))]:
        choice = _with_room(end_to_end(reference, validation.inputs, int(row), rounding=True))
        if problems := problems_of(choice, ours[row], in_order=False):
            return _result("failed", f"{text}; sample {row}: {'; '.join(problems)}")
    return _result("passed", f"{text}, all of them too close to call")


def _result(outcome: str, text: str) -> CheckResult:
    return CheckResult(rule="dataset", outcome="failed" if outcome == "failed" else "passed", detail=text)


def _joined(plan: ExportPlan, rows: Sequence[Arrays]) -> Arrays:
    """What was chosen for all samples, filled up with zeros."""
    return {name: joined_rows([each[name][np.newaxis] for each in rows]) for name in plan.outputs}


def _differing(plan: ExportPlan, first: Arrays, second: Arrays) -> int:
    """How many rows of one are not in the other."""
    near = {name: SAME * scale_of(first[name]) for name in plan.outputs}
    there = int((match({name: first[name] for name in plan.outputs}, second, near) >= 0).sum())
    name = next(iter(plan.outputs))
    return max(len(first[name]), len(second[name])) - there


def _with_room(choice: Choice) -> Choice:
    """Twice the bound, as for other decisions; what is rounded before a choice is no farther off than a near row."""
    bounds = dict(choice.bounds)
    for name, value in choice.expected.items():
        if value.dtype.kind == "f":
            bounds[name] = max(2 * bounds[name], NEAR * scale_of(value))
    return dataclasses.replace(choice, bounds=bounds)
