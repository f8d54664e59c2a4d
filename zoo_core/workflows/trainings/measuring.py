"""What is known of the best weights once a training has ended: settings of the task, and metrics of the test split."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.data import Samples
from zoo_core.records import RunInfo

from .train_plan import TrainPlan

if TYPE_CHECKING:
    from torch import nn


def measured(
    plan: TrainPlan, splits: Mapping[str, Samples], info: RunInfo, *, build: Callable[[], nn.Module]
) -> RunInfo:
    """The record with what was chosen on the validation part and measured on the test part, where there is one.

    `build` makes the module with its best weights; it is not asked where there is nothing to do.
    """
    from zoo_core.training.evaluation import evaluate
    from zoo_core.training.one_at_a_time import reader_of

    task, test = plan.task, None
    if "test" not in splits and not task.chooses:
        return dataclasses.replace(info, test=None)
    module = build()
    if task.chooses:
        task = task.with_settings(_chosen(plan, module, splits["validation"], info))
    if "test" in splits:
        test = evaluate(
            module,
            splits["test"],
            task=task,
            outputs=plan.outputs,
            read=reader_of(plan.model.spec),
            device=info.device,
        )
    return dataclasses.replace(info, test=test, task_settings=task.settings)


def _chosen(plan: TrainPlan, module: nn.Module, validation: Samples, info: RunInfo) -> dict[str, Any]:
    """The settings of the task that are best for these weights on the validation part."""
    from zoo_core.training.evaluation import outputs_and_targets
    from zoo_core.training.one_at_a_time import reader_of

    read = reader_of(plan.model.spec)
    outputs, targets = outputs_and_targets(module, validation, outputs=plan.outputs, read=read, device=info.device)
    return plan.task.choose(outputs, targets, labels=info.classes)
