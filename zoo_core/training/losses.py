"""What training minimises, by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core.errors import ZooError

Loss = Callable[[Mapping[str, Tensor], Tensor], Tensor]


def loss_for(task: str, *, label_smoothing: float = 0.0) -> Loss:
    """The loss of a task: (outputs by name, targets) -> scalar. Raises ZooError for a task without one."""
    if task == "image-classification":

        def cross_entropy(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
            return F.cross_entropy(_first(outputs), targets, label_smoothing=label_smoothing)

        return cross_entropy
    raise ZooError(f"task {task!r} cannot be trained yet", hint="image-classification can")


def _first(outputs: Mapping[str, Tensor]) -> Tensor:
    return next(iter(outputs.values()))
