"""A loss sample by sample, where it is a mean over samples: weighted by class, or of targets that are mixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import UsageError, ZooError
from zoo_core.records import counted
from zoo_core.tasks import TrainingLoss

from .choices import choose_class_weights
from .mixing import MixedTargets

_RELATIVE = 1e-4
"""How far the mean over samples may be from the loss of the batch."""


class SampleLosses:
    """(outputs by name, targets or MixedTargets) -> a scalar: the mean of the losses of all samples, in which each
    counts by the weight of its class. `weights`: one a class, (K,); None: all count alike."""

    def __init__(self, loss: TrainingLoss, *, weights: Tensor | None = None) -> None:
        self._loss = loss
        self._weights = weights

    def __call__(self, outputs: Mapping[str, Tensor], targets: Tensor | MixedTargets) -> Tensor:
        parts = self._parts(targets)
        weights = [share * self._weight(true) for true, share in parts]
        losses = [self.each(outputs, true) * weight for (true, _), weight in zip(parts, weights, strict=True)]
        return torch.stack(losses).sum() / torch.stack(weights).sum()

    @property
    def weighs(self) -> bool:
        """Whether samples count by the weight of their class."""
        return self._weights is not None

    def weight(self, targets: Tensor | MixedTargets) -> float:
        """What the samples of a batch weigh together."""
        return float(torch.stack([(share * self._weight(true)).sum() for true, share in self._parts(targets)]).sum())

    def each(self, outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """The loss of each sample, (N,)."""

        def one(values: dict[str, Tensor], target: Tensor) -> Tensor:
            return self._loss({name: value.unsqueeze(0) for name, value in values.items()}, target.unsqueeze(0))

        found: Tensor = torch.vmap(one)(dict(outputs), targets)
        return found

    def check(self, outputs: Mapping[str, Tensor], targets: Tensor, *, option: str) -> None:
        """Raise UsageError where the loss is not the mean over samples: `option`, which needs that, cannot be."""
        whole = float(self._loss(outputs, targets))
        try:
            mean: Any = float(self.each(outputs, targets).mean())
        except (RuntimeError, ValueError, ZooError):
            mean = None
        if mean is None or abs(mean - whole) > _RELATIVE * max(1.0, abs(whole)):
            raise UsageError(
                f"{option} needs a loss that is the mean over the samples, and the loss of this training compares them",
                hint=f"leave {option} out",
            )

    @staticmethod
    def _parts(targets: Tensor | MixedTargets) -> list[tuple[Tensor, Tensor]]:
        """What is true of the samples, and by which part of each."""
        if not isinstance(targets, MixedTargets):
            return [(targets, torch.ones(len(targets), device=targets.device))]
        return [(targets.first, targets.share), (targets.second, 1 - targets.share)]

    def _weight(self, targets: Tensor) -> Tensor:
        if self._weights is None:
            return torch.ones(len(targets), device=targets.device)
        return self._weights.to(targets.device)[targets.long()]


def batch_loss(loss: TrainingLoss, outputs: Mapping[str, Tensor], targets: Tensor | MixedTargets) -> Tensor:
    """The loss of a batch, mixed or not. Raises TypeError for mixed samples under a loss that is no SampleLosses."""
    if not isinstance(targets, MixedTargets):
        return loss(outputs, targets)
    if not isinstance(loss, SampleLosses):
        raise TypeError("samples that are mixed need the SampleLosses of their loss")
    return loss(outputs, targets)


def class_weights(text: str, classes: NDArray[np.int64], *, names: tuple[str, ...]) -> Tensor | None:
    """What `-t class_weights=` asks for: "none", "balanced" (N / (K * samples of the class)), or a number a class.

    `classes`: of each training sample. Raises UsageError for numbers that are not one above 0 for each class.
    """
    chosen = choose_class_weights(text)
    if chosen == "balanced":
        counts = np.bincount(classes, minlength=len(names))
        weights = len(classes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return torch.from_numpy(weights.astype(np.float32))
    if isinstance(chosen, tuple) and len(chosen) != len(names):
        raise UsageError(
            f"class_weights has {counted(len(chosen), 'number')} for {counted(len(names), 'class')}",
            hint=f"one for each, in this order: {', '.join(names)}",
        )
    return torch.tensor(chosen) if isinstance(chosen, tuple) else None
