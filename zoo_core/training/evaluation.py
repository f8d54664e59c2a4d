"""Metrics of a module on a split: every sample counts once, whatever the batch size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.shapes import joined_rows
from zoo_core.torch_modules import Read, called, named_outputs

from .distributed.world import ALONE, World
from .diverged import diverged
from .feed import Feed
from .one_at_a_time import OneAtATime
from .packing import NotPlainError, packed

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.tasks import Tally, Task

EVALUATION_BATCH = 256
BATCH_VALUES = 1 << 21
"""Input values in a batch that is measured: what a network makes of them on its way takes a hundred times as much."""

KEPT_VALUES = 1 << 20
"""Output values that wait to be counted: each time, the device is waited for."""


class Collector:
    """The metrics of a pass. Outputs are kept until there are enough of them to count, and are then let go."""

    def __init__(self, task: Task) -> None:
        self._fresh = task.tally
        self._tally = task.tally()
        self._outputs: dict[str, list[Tensor]] = {}
        self._targets: list[Tensor] = []
        self._kept = 0
        self._not_finite: str | None = None

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor, loss: Tensor | None = None) -> None:
        """One batch; its loss is the metrics' to tell."""
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

    def state(self) -> dict[str, Any]:
        """What was added, as values that `packing` takes apart. Raises NotPlainError for a tally that keeps others."""
        waiting = {"outputs": self._outputs, "targets": self._targets, "kept": self._kept}
        return {**waiting, "not_finite": self._not_finite, "tally": tally_state(self._tally, fresh=self._fresh())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what was added to another one."""
        self._outputs, self._targets = state["outputs"], state["targets"]
        self._kept, self._not_finite = state["kept"], state["not_finite"]
        self._tally = self._fresh()
        vars(self._tally).update(state["tally"])

    def _count(self) -> None:
        outputs = {name: _joined(values) for name, values in self._outputs.items()}
        bad = [name for name, value in outputs.items() if not np.isfinite(value).all()]
        if bad and self._not_finite is None:
            self._not_finite = bad[0]
        if self._not_finite is None:
            self._tally.add(outputs, _joined(self._targets))
        self._outputs, self._targets, self._kept = {}, [], 0


class LossCollector:
    """As Collector, for a task that does not measure the samples of training: their mean loss alone."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._counts: list[int] = []

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor, loss: Tensor) -> None:
        """One batch, and its loss."""
        self.add_loss(loss, count=len(targets))

    def add_loss(self, loss: Tensor, *, count: int) -> None:
        """The loss of a batch of so many samples."""
        self._losses.append(loss.detach())
        self._counts.append(count)

    @property
    def batches(self) -> int:
        """Batches that were added."""
        return len(self._counts)

    def metrics(self, *, where: str) -> dict[str, float]:
        """`loss`, the mean over the samples. Raises ZooError where it is not finite."""
        losses = torch.stack(self._losses).cpu().double().numpy()
        mean = float(np.average(losses, weights=self._counts))
        if not math.isfinite(mean):
            raise diverged(f"the loss is {mean}", where=where)
        return {"loss": mean}

    def state(self) -> dict[str, Any]:
        """What was added, as values that `packing` takes apart."""
        return {"losses": torch.stack(self._losses) if self._losses else None, "counts": self._counts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what was added to another one."""
        losses = state["losses"]
        self._losses, self._counts = [] if losses is None else list(losses), state["counts"]


def tally_state(tally: Tally, *, fresh: Tally) -> dict[str, Any]:
    """What a tally keeps and a fresh one does not have from the start, by its attributes' names.

    Raises NotPlainError where that is more than numbers, texts, arrays, lists and dictionaries of them.
    """
    try:
        kept, first = vars(tally), vars(fresh)
    except TypeError:  # it has slots
        raise NotPlainError(f"a {type(tally).__name__} without attributes that can be read") from None
    found: dict[str, Any] = {}
    for name, value in kept.items():
        try:
            packed(value, {}, name)
        except NotPlainError:
            # What every tally of the task is given is no result of any samples.
            if name in first and (first[name] is value or _equal(first[name], value)):
                continue
            raise
        found[name] = value
    return found


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _joined(values: Sequence[Tensor]) -> NDArray[Any]:
    return joined_rows([value.detach().cpu().numpy() for value in values])


def evaluate_feed(
    module: nn.Module,
    feed: Feed,
    *,
    task: Task,
    outputs: Sequence[str],
    read: Read | None = None,
    where: str,
    before_batch: Callable[[], None] = lambda: None,
    world: World = ALONE,
) -> dict[str, float]:
    """The task's metrics of the module, in evaluation mode, over every sample of the feed once. `before_batch()` may
    raise, to end it. `world`: whose processes the batches are shared by."""
    seen = world.collecting(Collector(task), sizes=())
    _collect(module, feed, seen, outputs=outputs, read=read, before_batch=before_batch)
    found: dict[str, float] = seen.metrics(where=where)
    return found


def _tally_feed(
    module: nn.Module,
    feed: Feed,
    *,
    task: Task,
    outputs: Sequence[str],
    read: Read | None,
    where: str,
) -> Tally:
    seen = Collector(task)
    _collect(module, feed, seen, outputs=outputs, read=read)
    return seen.tally(where=where)


def _collect(
    module: nn.Module,
    feed: Feed,
    seen: Any,
    *,
    outputs: Sequence[str],
    read: Read | None,
    before_batch: Callable[[], None] = lambda: None,
) -> None:
    module.eval()
    with torch.inference_mode():
        for inputs, targets in feed.in_order():
            before_batch()
            seen.add(named_outputs(called(module, inputs), outputs, read), targets)


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
    feed = Feed(samples, batch_size=batch_size or evaluation_batch(samples, read), device=device)
    return _tally_feed(module.to(device), feed, task=task, outputs=outputs, read=read, where="evaluation")


def outputs_and_targets(
    module: nn.Module,
    samples: Samples,
    *,
    outputs: Sequence[str],
    read: Read | None = None,
    device: torch.device | str = "cpu",
) -> tuple[dict[str, NDArray[Any]], Any]:
    """The outputs of the module for every sample of a split, by name, and the targets."""
    feed = Feed(samples, batch_size=evaluation_batch(samples, read), device=device)
    module = module.to(device).eval()
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        parts.extend(named_outputs(called(module, inputs), outputs, read) for inputs, _ in feed.in_order())
    return {name: _joined([part[name] for part in parts]) for name in outputs}, samples.targets


def evaluation_batch(samples: Samples, read: Read | None = None) -> int:
    """Samples that are measured at a time: EVALUATION_BATCH, fewer where they are big, or one where the model, by what
    reads its outputs, takes no more."""
    if isinstance(read, OneAtATime):
        return 1
    values = sum(math.prod(array.shape[1:]) for array in samples.inputs.values())
    return max(1, min(EVALUATION_BATCH, BATCH_VALUES // max(1, values)))
