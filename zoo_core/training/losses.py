"""What training minimises: the loss of the task, another one of its by name, or a model's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zoo_core.errors import UsageError
from zoo_core.plugin_faults import ModelFaultError, code_of
from zoo_core.tasks import TrainingLoss, get_task


def loss_for(
    task: str, *, name: str | None = None, label_smoothing: float = 0.0, own: TrainingLoss | None = None
) -> TrainingLoss:
    """The loss to minimise: (outputs by name, targets) -> scalar.

    By `name`, one of those that the task has; else the model's `own`; else the task's usual one. Raises UsageError for
    a name that is unknown or not for this task, and for `label_smoothing` of a loss that has none; ZooError for a task
    without a loss.
    """
    if name is None and own is not None:
        if label_smoothing:
            raise UsageError("label_smoothing is not for a model with a loss of its own", hint="leave it out")
        return _checked(own)
    return get_task(task).loss(name=name, label_smoothing=label_smoothing)


def sum_of(parts: Mapping[str, Tensor]) -> Tensor:
    """The sum of the losses that a model has computed itself. Raises ZooError for what are no scalars by name."""
    if not isinstance(parts, Mapping) or not parts:
        raise ModelFaultError(f"the model's own losses are {type(parts).__name__}, not scalars by name")
    for name, value in parts.items():
        if not isinstance(value, Tensor) or value.ndim:
            found = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ModelFaultError(
                f"the model's own loss {name!r} is {found}, not a single number", hint="its mean, for example"
            )
    return torch.stack(list(parts.values())).sum()


def _checked(own: TrainingLoss) -> TrainingLoss:
    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        value = own(outputs, targets)
        if not isinstance(value, Tensor) or value.ndim:
            found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            told = f"the model's own loss returned {found}, not a single number"
            raise ModelFaultError(told, hint="its mean, for example", code=code_of(own))
        return value

    return loss
