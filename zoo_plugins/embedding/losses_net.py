"""What training minimises for vectors: losses of the pairs and triples in a batch, on the unit sphere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core.tasks import TrainingLoss, loss_by_name

from .neighbours import TEMPERATURE

_TINY = 1e-12


def contrastive(vectors: Tensor, classes: Tensor) -> Tensor:
    """How improbable samples of the own class are among all others of the batch (Khosla et al., 2020)."""
    own, itself = _own(classes)
    values = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -torch.inf)
    away = torch.logsumexp(values, dim=1, keepdim=True) - values
    counted = own.sum(dim=1)
    each = torch.where(own, away, 0.0).sum(dim=1)[counted > 0] / counted[counted > 0]
    return each.mean() if len(each) else vectors.sum() * 0


def triplet(vectors: Tensor, classes: Tensor) -> Tensor:
    """Of each sample, its farthest own one against its nearest other one, with a soft margin (Hermans et al., 2017)."""
    own, itself = _own(classes)
    others = ~(own | itself)
    distance = torch.sqrt((2 - 2 * vectors @ vectors.T).clamp(min=_TINY))
    farthest = distance.masked_fill(~own, -torch.inf).amax(dim=1)
    nearest = distance.masked_fill(~others, torch.inf).amin(dim=1)
    both = own.any(dim=1) & others.any(dim=1)
    each = F.softplus(farthest[both] - nearest[both])
    return each.mean() if len(each) else vectors.sum() * 0


def _own(classes: Tensor) -> tuple[Tensor, Tensor]:
    """Who is of whose class, and who is who: (N, N)."""
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    return (classes[:, None] == classes) & ~itself, itself


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"contrastive": contrastive, "triplet": triplet}


def vector_loss(
    output: Callable[[Mapping[str, Any]], str], *, task: str, name: str | None, label_smoothing: float
) -> TrainingLoss:
    """(outputs by name, class numbers) -> the loss of a batch; 0 where no two samples are of one class.

    `output`: which of the outputs has the vectors. Raises UsageError for an unknown name.
    """
    chosen = loss_by_name(LOSSES, name, task=task, label_smoothing=label_smoothing)

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return chosen(F.normalize(outputs[output(outputs)], dim=1), targets)

    return loss
