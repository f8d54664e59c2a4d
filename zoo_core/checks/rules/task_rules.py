"""Rules for a task: metrics add up, right answers are the best ones, decisions have margins, and gradients flow."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.checks.apart.own_process import in_child
from zoo_core.checks.candidates.task_candidate import TaskCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.declared_metrics import fault_of_metrics
from zoo_core.records import counted
from zoo_core.shapes import TensorSpec
from zoo_core.tasks import Outputs
from zoo_core.tasks.details import fault_of_details
from zoo_core.tasks.task_results import fault_of_cells, fault_of_told

STEPS = (1, 5, 23)
"""Sizes of batches that are added up."""
SAME = 1e-9
"""What another order of a sum in float64 may change, in parts of a metric."""


def measures_what_it_says(task: TaskCandidate) -> None:
    """The metrics are those that its spec names, finite numbers, with `loss` where it has one; details are as declared.

    Runs are chosen, drawn and listed by these names; `zoo eval` and `zoo plot` read `classes` and `confusion` of the
    details, in the form that `Tally.details` says.
    """
    example, tally = task.example, task.task.tally()
    tally.add(example.outputs, example.targets)
    found = tally.metrics()
    if fault := fault_of_metrics(found, task.task):
        raise BrokenRuleError(fault)
    if bad := [name for name, value in found.items() if not math.isfinite(value)]:
        raise BrokenRuleError(f"{bad[0]} is {found[bad[0]]}")
    details = tally.details(example.labels)
    try:
        json.dumps(details)
    except (TypeError, ValueError) as error:
        raise BrokenRuleError(f"what details gives is no plain JSON: {error}") from None
    if fault := fault_of_details(details, example.labels):
        raise BrokenRuleError(f"what details gives cannot be read: {fault}")


def metrics_add_up(task: TaskCandidate) -> None:
    """The metrics of a split are the same, however it is cut into batches.

    Otherwise a score depends on the memory of the machine.
    """
    example = task.example
    whole = task.task.metrics(example.outputs, example.targets)
    for step in STEPS:
        tally = task.task.tally()
        for start in range(0, len(example.targets), step):
            part = slice(start, start + step)
            tally.add({name: value[part] for name, value in example.outputs.items()}, example.targets[part])
        for name, value in tally.metrics().items():
            if not math.isclose(value, whole[name], rel_tol=SAME, abs_tol=SAME):
                raise BrokenRuleError(f"{name} is {value:.6g} in batches of {step}, and {whole[name]:.6g} at once")


def right_answers_are_the_best(task: TaskCandidate) -> None:
    """Answers that are right in everything have the better value of the metric that picks the best epoch.

    A sign that is turned round keeps the worst weights of a training.
    """
    example, better = task.example, task.spec.metrics[task.spec.selection]
    right = task.task.metrics(example.right, example.targets)[task.spec.selection]
    found = task.task.metrics(example.outputs, example.targets)[task.spec.selection]
    if not (right > found if better == "more" else right < found):
        raise BrokenRuleError(
            f"{task.spec.selection}, of which {better} is better, is {right:.6g} for right answers, "
            f"and {found:.6g} for others"
        )


def answers_are_told(task: TaskCandidate) -> None:
    """There is one answer a sample, the same alone as among others, and plain data where it is told.

    `zoo predict` prints answers and writes them as JSON and as tables.
    """
    if not task.spec.answers:
        raise NotApplicableError("it has no answers")
    example = task.example
    together = task.task.decode(example.outputs, labels=example.labels)
    if len(together) != len(example.targets):
        raise BrokenRuleError(f"{counted(len(together), 'answer')} for {counted(len(example.targets), 'sample')}")
    if task.task.is_told and (fault := next(filter(None, map(fault_of_told, together)), "")):
        raise BrokenRuleError(fault)
    first = task.task.decode({name: value[:1] for name, value in example.outputs.items()}, labels=example.labels)
    if not _same(first[0], together[0]):
        raise BrokenRuleError("the answer for a sample is another one when it is alone in its batch")
    if not task.task.is_told:
        return
    if "\n" in task.task.in_words(together[0]):
        raise BrokenRuleError("in_words gives more than one line")
    if task.task.gives == "values":
        outputs = {name: TensorSpec("N", *value.shape[1:]) for name, value in example.outputs.items()}
        columns = task.task.columns(labels=example.labels, outputs=outputs)
        for answer in together:
            if fault := fault_of_cells(task.task.cells(answer), columns, answer=answer):
                raise BrokenRuleError(fault)


def decisions_have_margins(task: TaskCandidate) -> None:
    """Where something is decided, no decision changes while the output moves by less than half of its margin.

    An export is believed by these margins: one that is too large hides answers that flip.
    """
    deciding = task.task.deciding
    if deciding is None:
        raise NotApplicableError("it decides nothing")
    outputs = {name: np.asarray(value, np.float64) for name, value in task.example.outputs.items()}
    decided, margins = deciding.decisions(outputs), deciding.margins(outputs)
    if decided.shape != margins.shape:
        raise BrokenRuleError(f"decisions of shape {decided.shape} have margins of shape {margins.shape}")
    name = deciding.output(outputs)
    least = margins.reshape(len(margins), -1).min(axis=1)
    random = np.random.Generator(np.random.Philox(0))
    for _ in range(8):
        signs = np.where(random.random(outputs[name].shape) < 0.5, -1.0, 1.0)
        moved = outputs[name] + 0.49 * signs * least.reshape(-1, *[1] * (outputs[name].ndim - 1))
        if not np.array_equal(deciding.decisions({**outputs, name: moved}), decided):
            raise BrokenRuleError("a decision changes although the output moves by less than half of its margin")


def gradients_reach_the_model(task: TaskCandidate) -> None:
    """The loss is one finite number, and its gradient reaches an output.

    A loss that counts decisions instead trains nothing, in silence.
    """
    import torch

    if not task.task.has_loss:
        raise NotApplicableError("each model brings its own loss")
    outputs = {name: torch.from_numpy(np.array(value)).requires_grad_() for name, value in task.example.outputs.items()}
    value = task.task.loss()(outputs, torch.from_numpy(np.array(task.example.targets)))
    if not isinstance(value, torch.Tensor):
        raise BrokenRuleError(f"the loss is a {type(value).__name__}, not a tensor")
    if value.ndim or not torch.isfinite(value):
        raise BrokenRuleError(f"the loss is {value.detach().tolist()}, not one finite number")
    if not value.requires_grad:
        raise BrokenRuleError("the loss does not depend on the outputs in a way that PyTorch could follow")
    value.backward()  # type: ignore[no-untyped-call]
    if not any(each.grad is not None and bool(each.grad.abs().sum() > 0) for each in outputs.values()):
        raise BrokenRuleError("no output gets a gradient")


def runs_without_torch(task: TaskCandidate) -> None:
    """Metrics and answers need no torch.

    Whoever gets an exported file measures and asks it without PyTorch.
    """
    task.need_metrics()
    if reached := in_child("zoo_core.checks.apart.task_child:torch_reached_by", task.spec.name, task.plugin):
        raise BrokenRuleError(f"measuring and answering import {reached}", causes=(reached,))


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    if first.keys() != second.keys():
        return False
    return all(_equal(first[name], second[name]) for name in first)


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, np.ndarray):
        own: NDArray[Any] = first
        return bool(np.allclose(own, second, rtol=1e-6, equal_nan=True))
    if isinstance(first, Mapping):
        return isinstance(second, Mapping) and _same(first, second)
    if isinstance(first, float):
        return math.isclose(first, second, rel_tol=1e-6)
    return bool(first == second)


def shapes(outputs: Outputs) -> dict[str, tuple[int, ...]]:
    """The shape of each output."""
    return {name: value.shape for name, value in outputs.items()}


def takes_what_fits(task: TaskCandidate) -> None:
    """What fits is let through before a training begins.

    A check that refuses right outputs makes the task useless.
    """
    example = task.example
    task.task.check_fit(shapes(example.outputs), example.targets, count=len(example.targets), model="example")


RULES = rules(
    "train",
    measures_what_it_says,
    metrics_add_up,
    right_answers_are_the_best,
    takes_what_fits,
    answers_are_told,
    decisions_have_margins,
    gradients_reach_the_model,
    runs_without_torch,
)
