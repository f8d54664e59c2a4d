"""What training minimises for pictures: the absolute error, or another one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core import ZooError
from zoo_core.tasks import TrainingLoss, loss_by_name

_ROUNDED = 1e-3
"""Where the Charbonnier loss turns from squares to distances, in brightness from 0 to 1."""


def charbonnier(found: Tensor, truth: Tensor) -> Tensor:
    """The mean of sqrt(error^2 + 0.001^2) (Charbonnier et al., 1994): the absolute error, smooth at 0."""
    return torch.sqrt((found - truth) ** 2 + _ROUNDED**2).mean()


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "charbonnier": charbonnier,
}


def picture_loss(
    output: Callable[[Mapping[str, Any]], str], *, task: str, name: str | None, label_smoothing: float
) -> TrainingLoss:
    """(outputs by name, true pictures (N, C, H, W)) -> the mean over all values.

    `output`: which of the outputs is the picture. Raises UsageError for an unknown name.
    """
    distance = loss_by_name(LOSSES, name, task=task, label_smoothing=label_smoothing)

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        found = outputs[output(outputs)]
        truth = targets.to(found.dtype) / 255 if targets.dtype == torch.uint8 else targets.to(found.dtype)
        if found.shape != truth.shape:
            raise ZooError(f"{task}: outputs of shape {tuple(found.shape)} for true pictures {tuple(truth.shape)}")
        return distance(found, truth)

    return loss
