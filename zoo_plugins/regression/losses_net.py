"""What training minimises for numbers: the squared error, or another one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core import UsageError, did_you_mean
from zoo_core.tasks import TrainingLoss

from .outputs import output_of

LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber": F.huber_loss,
}


def number_loss(task: str, *, name: str | None, label_smoothing: float) -> TrainingLoss:
    """(outputs by name, numbers (N, K)) -> the mean over all of them. Raises UsageError for an unknown name."""
    if label_smoothing:
        raise UsageError(f"label_smoothing is for classes, not for {task}", hint="leave it out")
    if name is not None and name not in LOSSES:
        raise UsageError(f"there is no loss {name!r}", hint=did_you_mean(name, LOSSES) or f"one of {', '.join(LOSSES)}")
    distance = LOSSES[name or "mse"]

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        values = outputs[output_of(outputs, task=task)]
        return distance(values.reshape(targets.shape), targets.to(values.dtype))

    return loss
