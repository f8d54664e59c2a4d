"""Where numbers end: the step, the batch and the layer in which a training gives NaN or infinity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .diverged import diverged
from .feed import Feed, Inputs, Targets
from .job import TrainJob

_CHECK_EVERY = 50  # reading a loss waits for an accelerator, so not after each step there
_SHOWN = 8
"""Samples of a batch that a message names."""


class Watch:
    """Looks at the losses and gradients of one epoch, and says what was wrong at the first that is no number.

    On a processor each is looked at before its step is taken, while the weights are those that it came from; on an
    accelerator, which would have to be waited for, losses are, every 50 steps. `batch_at(step)` are the numbers of the
    samples in a batch, `retry(step)` runs the module on it once more; steps count from 1.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        epoch: int,
        fresh: bool,
        batch_at: Callable[[int], Sequence[int]],
        retry: Callable[[int], Any],
    ) -> None:
        self._module, self._epoch, self._fresh = module, epoch, fresh
        self._batch_at, self._retry = batch_at, retry
        self._waiting: list[Tensor] = []
        self.step = 0

    def begin(self, step: int) -> None:
        """The batch of that step comes next."""
        self.step = step

    def loss(self, loss: Tensor) -> None:
        """Raise DivergedError for a loss that is no number, if not now, then in `end` or at one of the next steps."""
        self._waiting.append(loss.detach())
        if loss.device.type == "cpu" or self.step % _CHECK_EVERY == 0:
            self.end()

    def gradient(self, norm: Tensor) -> None:
        """Raise DivergedError for a gradient of no length that is a number, before anything is moved by it."""
        if norm.device.type == "cpu" and not math.isfinite(value := float(norm)):
            parts = [name for name, each in self._module.named_parameters() if not _finite(each.grad)]
            first = f", in {parts[0]!r} first" if parts else ": each part is, together they are too long"
            self._raise(f"the gradient is {value} at step {self.step}{first}", step=self.step)

    def end(self) -> None:
        """Look at the losses that wait."""
        first = self.step - len(self._waiting) + 1
        for step, value in enumerate(torch.stack(self._waiting).tolist() if self._waiting else (), start=first):
            if not math.isfinite(value):
                self._raise(f"the loss is {value} at step {step}; {self._cause(step)}", step=step)
        self._waiting = []

    def _raise(self, what: str, *, step: int) -> None:
        samples = [str(number) for number in self._batch_at(step)]
        more = f" and {len(samples) - _SHOWN} more" if len(samples) > _SHOWN else ""
        batch = f"samples {', '.join(samples[:_SHOWN])}{more} of the training part, counted from 0"
        raise diverged(what, where=f"epoch {self._epoch}", fresh=self._fresh, batch=batch)

    def _cause(self, step: int) -> str:
        """Where the first value that is no number comes from, in words."""
        # Running statistics may be of the very batch that failed, so they say nothing.
        if spoilt := [name for name, value in self._module.named_parameters() if not _finite(value)]:
            return f"the weights are no numbers any more, {spoilt[0]!r} the first of them"
        layers: list[str] = []
        hooks = [
            part.register_forward_hook(_noting(f"{name!r}, a {type(part).__name__}", layers))
            for name, part in self._module.named_modules()
            if name
        ]
        try:
            with torch.no_grad():
                inputs = self._retry(step)
        finally:
            for hook in hooks:
                hook.remove()
        if not all(_finite(value) for value in _tensors(inputs)):
            return "the inputs of its batch are no numbers"
        if layers:
            return f"the first layer that gives no numbers is {layers[0]}"
        return "each layer gives numbers, the loss of them does not"


def watch_epoch(
    module: nn.Module,
    feed: Feed,
    compute: Callable[[Inputs, Targets], Any],
    *,
    job: TrainJob,
    epoch: int,
) -> Watch:
    """Who looks at the losses and gradients of an epoch. `compute` gives outputs and loss of a batch."""

    def retry(step: int) -> Inputs:
        inputs, targets = next(feed.alone().shuffled(seed=job.seed, epoch=epoch, after=step - 1))
        compute(inputs, targets)
        return inputs

    def batch_at(step: int) -> list[int]:
        return feed.batch_at(step, seed=job.seed, epoch=epoch)

    return Watch(module, epoch=epoch, fresh=epoch == 1, batch_at=batch_at, retry=retry)


def _noting(name: str, found: list[str]) -> Callable[[nn.Module, Any, Any], None]:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if not all(_finite(value) for value in _tensors(output)):
            found.append(name)

    return look


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)


def _finite(value: Tensor | None) -> bool:
    return value is None or bool(torch.isfinite(value).all())
