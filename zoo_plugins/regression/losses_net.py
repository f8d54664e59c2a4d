"""What training minimises for numbers: the squared error, or another one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core.tasks import TrainingLoss, loss_by_name

from .outputs import number_output

LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber": F.huber_loss,
}


def number_loss(task: str, *, name: str | None, label_smoothing: float) -> TrainingLoss:
    """(outputs by name, numbers (N, K)) -> the mean over all of them. Raises UsageError for an unknown name."""
    distance = loss_by_name(LOSSES, name, task=task, label_smoothing=label_smoothing)

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        values = outputs[number_output(outputs, task=task)]
        return distance(values.reshape(targets.shape), targets.to(values.dtype))

    return loss
