"""The forward pass as the plan of a training says: in which numbers, in which layout, by which code."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zoo_core.torch_modules import called

from .feed import Feed, Inputs, Targets
from .losses import sum_of
from .sample_losses import batch_loss
from .training_plan import TrainingPlan

if TYPE_CHECKING:
    from zoo_core.tasks import TrainingLoss

    from .job import TrainJob

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Numerics:
    """Runs the module of a job forward. What comes out is float32, whatever was computed in."""

    def __init__(self, job: TrainJob, plan: TrainingPlan | None = None) -> None:
        self._job = job
        self._device = torch.device(job.device).type
        self._compiled: Any = None
        self.follow(plan or TrainingPlan())

    def follow(self, plan: TrainingPlan) -> None:
        """From now on as that plan says."""
        self.plan = plan
        self._half = _HALF.get(plan.precision)
        self._compiled = torch.compile(self._job.module) if plan.compile else None

    def outputs_and_loss(
        self, inputs: Inputs, targets: Targets, *, loss: TrainingLoss | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The outputs of a batch by name, none of a model that computes its losses itself, and the loss."""
        if self._job.losses is not None:
            with self._cast():
                losses = self._job.losses(self._job.module, inputs, targets)
            return {}, _whole(sum_of(losses))
        if loss is None:
            raise TypeError("a loop is given a loss, or a job with losses")
        outputs = self._outputs(inputs)
        return outputs, batch_loss(loss, outputs, targets)

    def _outputs(self, inputs: Inputs) -> dict[str, Tensor]:
        if self._half is None and self._compiled is None:
            return self._job.forward(inputs)
        # Who looks for the layer that gives no numbers asks without gradients, and hears each layer of the module.
        compiled = self._compiled is not None and torch.is_grad_enabled()
        module: nn.Module = self._compiled if compiled else self._job.module
        with self._cast():
            found = self._job.named(called(module, inputs))
        return {name: _whole(value) for name, value in found.items()}

    def scaler(self) -> torch.amp.GradScaler | None:
        """What keeps small gradients from becoming none; None where numbers have room enough for them."""
        return torch.amp.GradScaler(self._device) if self._half is torch.float16 else None

    def lay_out(self, *feeds: Feed) -> None:
        """Pictures, and what is made of them, lie in memory as the plan says; the module lies channels last so far."""
        if not self.plan.channels_last:
            self._job.module.to(memory_format=torch.contiguous_format)
        for feed in feeds:
            feed.channels_last = self.plan.channels_last

    def _cast(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext() if self._half is None else torch.autocast(self._device, dtype=self._half)


def _whole(value: Tensor) -> Tensor:
    return value.float() if value.dtype in _HALF.values() else value
