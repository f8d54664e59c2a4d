"""Metrics of a module on a split: every sample counts once, whatever the batch size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import ZooError

from .feed import Feed

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.tasks import Tally, Task

EVALUATION_BATCH = 256
BATCH_VALUES = 1 << 21
"""Input values in a batch that is measured: what a network makes of them on its way takes a hundred times as much."""

KEPT_VALUES = 1 << 20
"""Output values that wait to be counted: each time, the device is waited for."""


Read = Callable[[Any], Any]
"""A model's `read_outputs`: what of the things that its `forward` returns are the declared outputs."""


def named_outputs(result: Any, names: Sequence[str], read: Read | None = None) -> dict[str, Tensor]:
    """What a module returned, by the names that its spec declares, in order: a mapping by its own names, a tensor or a
    sequence by place. `read` comes first, where the spec has it.

    Raises ZooError when a name is missing in a mapping, and when there are more or fewer outputs than names.
    """
    if read is not None:
        result = read(result)
    if isinstance(result, Mapping):
        if missing := [name for name in names if name not in result]:
            raise ZooError(
                f"the model gives no output {', '.join(missing)}, only {', '.join(map(str, result))}",
                hint="the names in its spec's outputs are those that it returns",
            )
        values = [result[name] for name in names]
    else:
        values = list(result) if isinstance(result, list | tuple) else [result]
    if len(values) != len(names) or not all(isinstance(value, Tensor) for value in values):
        kinds = ", ".join(type(value).__name__ for value in values)
        raise ZooError(f"the model declares the outputs {', '.join(names)} and returned {len(values)}: {kinds}")
    return dict(zip(names, values, strict=True))


class Collector:
    """The metrics of a pass. Outputs are kept until there are enough of them to count, and are then let go."""

    def __init__(self, task: Task) -> None:
        self._tally = task.tally()
        self._outputs: dict[str, list[Tensor]] = {}
        self._targets: list[Tensor] = []
        self._kept = 0
        self._not_finite: str | None = None

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor) -> None:
        """One batch."""
        for name, value in outputs.items():
            self._outputs.setdefault(name, []).append(value.detach())
            self._kept += value.numel()
        self._targets.append(targets)
        if self._kept >= KEPT_VALUES:
            self._count()

    def tally(self, *, where: str) -> Tally:
        """Everything that was added. Raises ZooError when an output is not finite; `where` says of what."""
        if self._targets:
            self._count()
        if self._not_finite is not None:
            raise diverged(f"output {self._not_finite!r} is not finite", where=where)
        return self._tally

    def metrics(self, *, where: str) -> dict[str, float]:
        """The task's metrics. Raises ZooError as `tally` does."""
        return self.tally(where=where).metrics()

    def _count(self) -> None:
        outputs = {name: _joined(values) for name, values in self._outputs.items()}
        bad = [name for name, value in outputs.items() if not np.isfinite(value).all()]
        if bad and self._not_finite is None:
            self._not_finite = bad[0]
        if self._not_finite is None:
            self._tally.add(outputs, _joined(self._targets))
        self._outputs, self._targets, self._kept = {}, [], 0


def _joined(values: Sequence[Tensor]) -> NDArray[Any]:
    joined: NDArray[Any] = torch.cat(list(values)).cpu().numpy()
    return joined


def diverged(what: str, *, where: str) -> ZooError:
    """The error for training that has run away."""
    return ZooError(
        f"training diverged in {where}: {what}",
        hint="a lower learning rate usually helps (-t lr=...); what earlier epochs have kept stays",
    )


def evaluate_feed(
    module: nn.Module, feed: Feed, *, task: Task, outputs: Sequence[str], read: Read | None = None, where: str
) -> dict[str, float]:
    """The task's metrics of the module, in evaluation mode, over every sample of the feed once."""
    return _tally_feed(module, feed, task=task, outputs=outputs, read=read, where=where).metrics()


def _tally_feed(
    module: nn.Module, feed: Feed, *, task: Task, outputs: Sequence[str], read: Read | None, where: str
) -> Tally:
    module.eval()
    seen = Collector(task)
    with torch.inference_mode():
        for inputs, targets in feed.in_order():
            seen.add(named_outputs(module(inputs), outputs, read), targets)
    return seen.tally(where=where)


def evaluate(
    module: nn.Module,
    samples: Samples,
    *,
    task: Task,
    outputs: Sequence[str],
    read: Read | None = None,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
) -> dict[str, float]:
    """The task's metrics of the module on a split. `outputs`: the names its spec declares, in order; `read`: its
    `read_outputs`."""
    found = tally(module, samples, task=task, outputs=outputs, read=read, device=device, batch_size=batch_size)
    return found.metrics()


def tally(
    module: nn.Module,
    samples: Samples,
    *,
    task: Task,
    outputs: Sequence[str],
    read: Read | None = None,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
) -> Tally:
    """As `evaluate`, with the details at hand. `batch_size`: that of `evaluation_batch` unless given."""
    feed = Feed(samples, batch_size=batch_size or evaluation_batch(samples), device=device)
    return _tally_feed(module.to(device), feed, task=task, outputs=outputs, read=read, where="evaluation")


def evaluation_batch(samples: Samples) -> int:
    """Samples that are measured at a time: EVALUATION_BATCH, or fewer where they are big."""
    return max(1, min(EVALUATION_BATCH, BATCH_VALUES // max(1, math.prod(samples.inputs.shape[1:]))))
