"""What training minimises for pictures: the absolute error, or another one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core import UsageError, ZooError, did_you_mean
from zoo_core.tasks import TrainingLoss

from .outputs import output_of

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


def picture_loss(task: str, *, name: str | None, label_smoothing: float) -> TrainingLoss:
    """(outputs by name, true pictures (N, C, H, W)) -> the mean over all values. Raises UsageError for an unknown
    name."""
    if label_smoothing:
        raise UsageError(f"label_smoothing is for classes, not for {task}", hint="leave it out")
    if name is not None and name not in LOSSES:
        raise UsageError(f"there is no loss {name!r}", hint=did_you_mean(name, LOSSES) or f"one of {', '.join(LOSSES)}")
    distance = LOSSES[name or "l1"]

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        found = outputs[output_of(outputs, task=task)]
        truth = targets.to(found.dtype) / 255 if targets.dtype == torch.uint8 else targets.to(found.dtype)
        if found.shape != truth.shape:
            raise ZooError(f"{task}: outputs of shape {tuple(found.shape)} for true pictures {tuple(truth.shape)}")
        return distance(found, truth)

    return loss
