"""What training minimises for flags: binary cross entropy, or the focal loss by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core import UsageError, did_you_mean
from zoo_core.tasks import TrainingLoss

from .decisions import FlagDecisions

LOSSES = ("bce", "focal")
FOCUS = 2.0
"""The exponent of the focal loss (Lin et al., 2017); without their class weights."""


def flag_loss(deciding: FlagDecisions, *, name: str | None, label_smoothing: float) -> TrainingLoss:
    """(outputs by name, flags (N, K)) -> the mean over all flags. Raises UsageError for an unknown name, and for
    `label_smoothing` of the focal loss."""
    if name is not None and name not in LOSSES:
        raise UsageError(f"there is no loss {name!r}", hint=did_you_mean(name, LOSSES) or f"one of {', '.join(LOSSES)}")
    if name == "focal" and label_smoothing:
        raise UsageError("label_smoothing is for bce, not for focal", hint="leave one of them out")

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        logits = outputs[deciding.output(outputs)]
        wanted = targets.to(logits.dtype) * (1 - label_smoothing) + label_smoothing / 2
        each = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        if name == "focal":
            each = (1 - (-each).exp()) ** FOCUS * each
        return each.mean()

    return loss
