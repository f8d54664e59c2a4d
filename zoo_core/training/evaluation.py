"""Metrics of a module on a split: every sample counts once, whatever the batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import ZooError

from .feed import Feed

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.tasks import Task

EVALUATION_BATCH = 256


def named_outputs(result: Any, names: Sequence[str]) -> dict[str, Tensor]:
    """What a module returned (tensor, sequence or mapping), by the names that its spec declares, in order.

    Raises ZooError when there are more or fewer outputs than names.
    """
    if isinstance(result, Mapping):
        values = list(result.values())
    else:
        values = list(result) if isinstance(result, list | tuple) else [result]
    if len(values) != len(names) or not all(isinstance(value, Tensor) for value in values):
        kinds = ", ".join(type(value).__name__ for value in values)
        raise ZooError(f"the model declares the outputs {', '.join(names)} and returned {len(values)}: {kinds}")
    return dict(zip(names, values, strict=True))


class Collector:
    """The outputs and targets of a pass, kept until its end, when the task makes metrics of them."""

    def __init__(self) -> None:
        self._outputs: dict[str, list[Tensor]] = {}
        self._targets: list[Tensor] = []

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor) -> None:
        """One batch."""
        for name, value in outputs.items():
            self._outputs.setdefault(name, []).append(value.detach())
        self._targets.append(targets)

    def metrics(self, task: Task, *, where: str) -> dict[str, float]:
        """The task's metrics. Raises ZooError when an output is not finite; `where` says of what."""
        outputs = {name: _joined(values) for name, values in self._outputs.items()}
        for name, value in outputs.items():
            if not np.isfinite(value).all():
                raise diverged(f"output {name!r} is not finite", where=where)
        return task.metrics(outputs, _joined(self._targets))


def _joined(values: Sequence[Tensor]) -> NDArray[Any]:
    joined: NDArray[Any] = torch.cat(list(values)).cpu().numpy()
    return joined


def diverged(what: str, *, where: str) -> ZooError:
    """The error for training that has run away."""
    return ZooError(
        f"training diverged in {where}: {what}",
        hint="a lower learning rate usually helps (-t lr=...); the run keeps its last good checkpoint",
    )


def evaluate_feed(module: nn.Module, feed: Feed, *, task: Task, outputs: Sequence[str], where: str) -> dict[str, float]:
    """The task's metrics of the module, in evaluation mode, over every sample of the feed once."""
    module.eval()
    seen = Collector()
    with torch.inference_mode():
        for inputs, targets in feed.in_order():
            seen.add(named_outputs(module(inputs), outputs), targets)
    return seen.metrics(task, where=where)


def evaluate(
    module: nn.Module,
    samples: Samples,
    *,
    task: Task,
    outputs: Sequence[str],
    device: torch.device | str = "cpu",
    batch_size: int = EVALUATION_BATCH,
) -> dict[str, float]:
    """The task's metrics of the module on a split. `outputs`: the names its spec declares, in order."""
    feed = Feed(samples, batch_size=batch_size, device=device)
    return evaluate_feed(module.to(device), feed, task=task, outputs=outputs, where="evaluation")
