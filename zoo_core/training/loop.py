"""The loop, a ladder of small steps: fit -> epoch -> train -> step. A trainer overrides what it needs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.plugin_faults import ModelFaultError
from zoo_core.records import EpochRow, TrainResult
from zoo_core.tasks import TrainingLoss

from .averaging import Average
from .checkpoint import copy_state, load_strictly
from .diverged import check_row
from .epoch_rows import best_row
from .evaluation import Collector, LossCollector, evaluate_feed, evaluation_batch
from .feed import Feed, Inputs, Targets
from .freezing import train_mode
from .groups import RATE_PART
from .job import TrainJob
from .losses import sum_of
from .mixing import MixedTargets
from .placement import derive_seed, keep_memory, seed_everything
from .sample_losses import batch_loss
from .state import TrainState, optimizer_state, restore_optimizer
from .updates import Updates
from .waited import Waited
from .watching import Watch


class Loop:
    """Trains `job.module` epoch by epoch, measures it, and keeps the best weights.

    An epoch depends on the state before it, the seed and its number alone: the order of the batches and every
    random generator are made anew from (seed, epoch). So a resumed run ends with the same bits as a straight
    one. `learning_rate(step)` gives the rate of a step counted from 0 over the whole run. `patience`: epochs
    without a better validation result after which training stops. `loss`: None where the model computes its
    losses itself (`job.losses`). `clip`: the length that longer gradients are shortened to; `accumulate`: batches a
    step of the optimizer. `average`: the decay of a moving average of the weights, which is measured and kept in place
    of the weights. `drop(rows)`: what the rate is multiplied by after the epochs of these rows.
    """

    def __init__(
        self,
        job: TrainJob,
        *,
        optimizer: torch.optim.Optimizer,
        loss: TrainingLoss | None,
        learning_rate: Callable[[int], float],
        feed: Feed,
        patience: int | None = None,
        clip: float | None = None,
        accumulate: int = 1,
        average: float | None = None,
        drop: Callable[[Sequence[EpochRow]], float] | None = None,
    ) -> None:
        keep_memory()
        self.job = job
        self.module = job.module.to(memory_format=torch.channels_last)
        self.optimizer = optimizer
        self.loss = loss
        self.learning_rate = learning_rate
        self.feed = feed
        self.patience = patience
        self.updates = Updates(optimizer, clip=clip, accumulate=accumulate)
        self.watch: Watch | None = None
        self.average_decay = average
        self.average: Average | None = None
        self.waited = Waited()
        self.drop = drop
        self.factor = 1.0
        batch = evaluation_batch(job.validation, job.read_outputs)
        self.validation = Feed(job.validation, batch_size=batch, device=job.device)
        self.rows: tuple[EpochRow, ...] = ()
        self.best: Mapping[str, Tensor] = {}

    def fit(self, *, on_epoch: Callable[[EpochRow], None]) -> TrainResult:
        """Every epoch that is left. `on_epoch(row)` is called once the row and its checkpoint are saved."""
        if self.job.state is not None:
            self.restore(self.job.state)
        else:
            show_targets(self.module, self.feed.targets)
        if self.average_decay is not None:
            known = None if self.job.state is None else self.job.state.average
            self.average = Average(self.module, decay=self.average_decay, tensors=known)
        while len(self.rows) < self.job.epochs and not self.out_of_patience():
            row = self.epoch(len(self.rows) + 1)
            check_row(row, selection=self.job.task.selection, task=self.job.task.name)
            self.keep(row)
            on_epoch(row)
        return self.result()

    def restore(self, state: TrainState) -> None:
        """Continue after the epochs of `state`."""
        load_strictly(self.module, state.module, source="the checkpoint")
        restore_optimizer(self.optimizer, state.optimizer)
        self.rows = state.rows
        self.best = state.best
        if self.job.run is not None:
            # The files beside the checkpoint may be of the epoch that was cut off.
            self.job.run.save_best(self.best, row=self.best_row())
            self.job.run.write_rows(self.rows)

    def epoch(self, number: int) -> EpochRow:
        """One pass over the training part, one over the validation part. Epochs count from 1."""
        started = time.perf_counter()
        self.factor = 1.0 if self.drop is None else self.drop(self.rows)
        train = self.train(number)
        trained = time.perf_counter() - started
        validation = self.validate(number)
        norm, largest = self.updates.norms() or (None, None)
        return EpochRow(
            epoch=number,
            train=train,
            validation=validation,
            learning_rate=self.rate(number * self.feed.steps - 1),
            seconds=time.perf_counter() - started,
            gradient_norm=norm,
            largest_gradient_norm=largest,
            samples_per_second=len(self.feed) / trained if trained else None,
            feed_share=self.waited.seconds / trained if trained else None,
        )

    def train(self, number: int) -> dict[str, float]:
        """One pass over the training part; its metrics are those of the moving model, in training mode."""
        seed_everything(derive_seed(self.job.seed, number, "steps"))
        train_mode(self.module)
        measured = self.job.task.measures_training and self.job.losses is None and not self.feed.mixes
        seen = Collector(self.job.task) if measured else LossCollector()
        steps = self.feed.steps
        self.updates.begin(self.feed.sizes)
        self.watch = watch = self.watched(number)
        self.waited = Waited()
        batches = self.feed.shuffled(seed=self.job.seed, epoch=number)
        for step, (inputs, targets) in enumerate(self.waited.for_each(batches), start=1):
            self.set_rate(self.rate((number - 1) * steps + step - 1))
            watch.begin(step)
            outputs, loss = self.step(inputs, targets)
            if self.average is not None and self.updates.stepped:
                self.average.follow((number - 1) * self.updates.in_epoch + self.updates.done)
            seen.add(outputs, targets.first if isinstance(targets, MixedTargets) else targets, loss)
            self.job.on_batch(step, steps)
        watch.end()
        return seen.metrics(where=f"epoch {number}")

    def step(self, inputs: Inputs, targets: Targets) -> tuple[dict[str, Tensor], Tensor]:
        """One batch: forward, backward, and a step of the optimizer where it is time for one. The outputs by name, and
        the loss; no outputs of a model that computes its losses itself."""
        self.updates.before_batch()
        outputs, loss = self.outputs_and_loss(inputs, targets)
        if not loss.requires_grad:
            raise ModelFaultError(
                "the loss does not depend on anything that is trained: no gradient comes back from it",
                hint="forward, or the loss, may call detach(), argmax() or .item(), or work under torch.no_grad()",
            )
        if self.watch is not None:
            self.watch.loss(loss)
        self.updates.backward(loss)
        self.updates.after_batch(check=self._check_gradient)
        return outputs, loss

    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[dict[str, Tensor], Tensor]:
        """The outputs of a batch by name, none of a model that computes its losses itself, and the loss."""
        if self.job.losses is not None:
            return {}, sum_of(self.job.losses(self.module, inputs, targets))
        if self.loss is None:
            raise TypeError("a loop is given a loss, or a job with losses")
        outputs = self.job.forward(inputs)
        return outputs, batch_loss(self.loss, outputs, targets)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over the whole run, in the epoch that comes next."""
        return self.learning_rate(step) * self.factor

    def set_rate(self, rate: float) -> None:
        """Give every group of the optimizer this learning rate, or its own part of it."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get(RATE_PART, 1.0)

    def validate(self, number: int) -> dict[str, float]:
        """The metrics on the validation part: of the average of the weights where there is one."""
        with contextlib.nullcontext() if self.average is None else self.average.in_place():
            return evaluate_feed(
                self.module,
                self.validation,
                task=self.job.task,
                outputs=self.job.outputs,
                read=self.job.read_outputs,
                where=f"the validation after epoch {number}",
            )

    def keep(self, row: EpochRow) -> None:
        """Add the row; copy the weights if they are the best so far; write what resuming needs."""
        self.rows = (*self.rows, row)
        now = copy_state(self.module)
        average = {} if self.average is None else self.average.copy()
        measured = average or now
        improved = self.best_row() == row
        if improved:
            self.best = measured
        if self.job.run is None:
            return
        if improved:
            self.job.run.save_best(measured, row=row)
        # Last of all the checkpoint: until it is there, a resumed run does this epoch again and rewrites the
        # rest.
        state = TrainState(
            rows=self.rows, module=now, best=self.best, optimizer=optimizer_state(self.optimizer), average=average
        )
        self.job.run.write_rows(self.rows)
        self.job.run.save_state(state, selection=self.job.task.selection)

    def best_row(self) -> EpochRow:
        """The best epoch so far."""
        return best_row(self.rows, selection=self.job.task.selection)

    def out_of_patience(self) -> bool:
        """Whether the last `patience` epochs, of those that the schedule is for, brought nothing better."""
        if self.patience is None or not self.rows:
            return False
        return len(self.rows) - max(self.best_row().epoch, self.job.schedule_start) >= self.patience

    def result(self) -> TrainResult:
        """What came of it. The module is left with its best weights."""
        if not self.rows:
            raise ZooError("no epoch was trained", hint="--epochs takes 1 or more")
        best = self.best_row()
        load_strictly(self.module, self.best, source="the best epoch")
        return TrainResult(
            epochs=len(self.rows),
            best_epoch=best.epoch,
            seconds=sum(row.seconds for row in self.rows),
            validation=best.validation,
            stopped_early=len(self.rows) < self.job.epochs,
        )

    def watched(self, number: int) -> Watch:
        """Who looks at the losses and gradients of an epoch."""
        seed = self.job.seed

        def retry(step: int) -> Inputs:
            inputs, targets = next(self.feed.shuffled(seed=seed, epoch=number, after=step - 1))
            self.outputs_and_loss(inputs, targets)
            return inputs

        return Watch(
            self.module,
            epoch=number,
            fresh=not self.rows,
            batch_at=lambda step: self.feed.batch_at(step, seed=seed, epoch=number),
            retry=retry,
        )

    def _check_gradient(self, norm: Tensor) -> None:
        if self.watch is not None:
            self.watch.gradient(norm)


def show_targets(module: torch.nn.Module, targets: Tensor) -> None:
    """Let a module that has a method `see_targets` look at all training targets before the first step.

    What answers are scaled by, for example, it keeps in buffers: they belong to its weights, in a run and in a file.
    """
    see = getattr(module, "see_targets", None)
    if callable(see):
        with torch.no_grad():
            see(targets)
