"""The loop, a ladder of small steps: fit -> epoch -> train -> step. A trainer overrides what it needs."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.plugin_faults import ModelFaultError
from zoo_core.records import EpochRow, TrainResult
from zoo_core.tasks import TrainingLoss

from .averaging import Average
from .cadence import Cadence
from .checkpoint import load_strictly, module_state
from .distributed.batch_part import part_of_batch
from .diverged import check_row
from .epoch_rows import best_row, has_reached, out_of_patience
from .evaluation import Collector, LossCollector, evaluate_feed, evaluation_batch
from .feed import Feed, Inputs, Targets
from .freezing import train_mode
from .groups import RATE_PART
from .job import TrainJob
from .mixing import MixedTargets
from .numerics import Numerics
from .part_of_epoch import EpochUnderWay
from .placement import derive_seed, keep_memory, seed_everything
from .planning import settle_plan
from .seeing import show_targets
from .state import TrainState, optimizer_state, restore_optimizer
from .step_saving import Saving
from .stopping import StopAskedError
from .training_plan import Wishes
from .updates import Updates
from .waited import Waited
from .watching import Watch, watch_epoch


class Loop:
    """Trains `job.module` epoch by epoch, measures it, and keeps the best weights.

    An epoch depends on the state before it, the seed and its number alone: the order of the batches and every
    random generator are made anew from (seed, epoch). So a resumed run ends with the same bits as a straight
    one. `learning_rate(step)` gives the rate of a step counted from 0 over the whole run. `patience`: epochs without a
    better validation result after which training stops. `stop_at`: a value of the metric that picks the best epoch,
    which is good enough to stop. `loss`: None where the model computes its losses itself (`job.losses`). `clip`: the
    length that longer gradients are shortened to; `accumulate`: batches a step of the optimizer. `average`: the decay
    of a moving average of the weights, which is measured and kept in place of the weights. `drop(rows)`: what the rate
    is multiplied by after the epochs of these rows. `checkpoints`: how often it is saved within epochs, and then Ctrl-C
    and SIGTERM wait for the end of a step and save it, too; None for a loop that keeps more than this class does, which
    would be lost. `wishes`: how steps are to be computed, decided before the first one; None: as ever.
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
        stop_at: float | None = None,
        clip: float | None = None,
        accumulate: int = 1,
        average: float | None = None,
        drop: Callable[[Sequence[EpochRow]], float] | None = None,
        checkpoints: Cadence | None = None,
        wishes: Wishes | None = None,
    ) -> None:
        keep_memory()
        self.job, self.world = job, job.world
        self.module = self.world.laid_out(job.module)
        self.numerics, self.wishes = Numerics(job), wishes
        self.compute: Callable[[Inputs, Targets], tuple[dict[str, Tensor], Tensor]] = self.outputs_and_loss
        self.optimizer, self.learning_rate = optimizer, learning_rate
        self.loss, self.feed = loss, feed
        self.patience, self.stop_at = patience, stop_at
        self.updates = Updates(optimizer, clip=clip, accumulate=accumulate, length=self.world.length)
        self.watch: Watch | None = None
        self.average_decay, self.waited = average, Waited()
        self.average: Average | None = None
        self.drop, self.factor = drop, 1.0
        size = self.world.size * evaluation_batch(job.validation, job.read_outputs)
        self.validation = Feed(job.validation, batch_size=size, device=job.device, world=self.world)
        self.rows: tuple[EpochRow, ...] = ()
        self.best: Mapping[str, Tensor] = {}
        self.under_way: EpochUnderWay | None = None
        self.saving = Saving(checkpoints if job.is_kept else None, state=self.state, write=self.save, world=self.world)

    def fit(self, *, on_epoch: Callable[[EpochRow], None]) -> TrainResult:
        """Every epoch that is left. `on_epoch(row)` is called once the row and its checkpoint are saved."""
        if self.job.state is not None:
            self.restore(self.world.taken_up(self.job.state, self.module, self.optimizer))
        else:
            show_targets(self.module, self.feed.targets)
        settle_plan(self, self.wishes)
        if self.average_decay is not None and self.average is None:
            self.average = Average(self.module, decay=self.average_decay)
        self.compute = self.world.computing(self.module, self.outputs_and_loss)
        with self.saving.watching():
            while len(self.rows) < self.job.epochs and not (self.out_of_patience() or self.is_good_enough()):
                row = self.epoch(len(self.rows) + 1)
                check_row(row, selection=self.job.task.selection, task=self.job.task.name)
                self.keep(row)
                on_epoch(row)
                self.saving.stop_if_asked()
        return self.result()

    def restore(self, state: TrainState) -> None:
        """Continue after the epochs of `state`, and after its part of the next one."""
        load_strictly(self.module, state.module, source="the checkpoint")
        restore_optimizer(self.optimizer, state.optimizer)
        self.rows, self.best = state.rows, state.best
        if self.average_decay is not None:
            self.average = Average(self.module, decay=self.average_decay, tensors=state.average)
        if self.job.run is not None and self.rows:
            # The files beside the checkpoint may be of the epoch that was cut off.
            self.job.run.save_best(self.best, row=self.best_row())
            self.job.run.write_rows(self.rows)

    def epoch(self, number: int) -> EpochRow:
        """One pass over the training part, one over the validation part. Epochs count from 1."""
        started = time.perf_counter()
        self.factor = 1.0 if self.drop is None else self.drop(self.rows)
        train = self.train(number)
        if self.under_way is not None:
            self.under_way.trained()
            started -= self.under_way.earlier
        trained = time.perf_counter() - started
        try:
            validation = self.validate(number)
        except StopAskedError:
            self.saving.stop(save=self.under_way is not None)
            validation = self.validate(number)  # whoever hears of signals may have had something else done
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
            feed_share=self.waited.share,
        )

    def train(self, number: int) -> dict[str, float]:
        """One pass over the training part; its metrics are those of the moving model, in training mode."""
        seed_everything(derive_seed(self.job.seed, number, "steps"))
        train_mode(self.module)
        measured = self.job.task.measures_training and self.job.losses is None and not self.feed.mixes
        collector = Collector(self.job.task) if measured else LossCollector()
        seen = self.world.collecting(collector, sizes=self.feed.sizes)
        self.updates.begin(self.feed.sizes)
        self.watch = watch = watch_epoch(self.module, self.feed, self.outputs_and_loss, job=self.job, epoch=number)
        part, steps = self.job.part_of(number), self.feed.steps
        self.under_way = under_way = EpochUnderWay(seen, self.updates, steps=steps, device=self.job.device, part=part)
        self.waited = Waited()
        batches = self.feed.shuffled(seed=self.job.seed, epoch=number, after=under_way.batches)
        for step, (inputs, targets) in enumerate(self.waited.for_each(batches), start=under_way.batches + 1):
            self.set_rate(self.rate((number - 1) * steps + step - 1))
            self.world.begin_step(seed=self.job.seed, epoch=number, step=step)
            watch.begin(step)
            outputs, loss = self.step(inputs, targets)
            if self.average is not None and self.updates.stepped:
                self.average.follow((number - 1) * self.updates.in_epoch + self.updates.done)
            true = targets.first if isinstance(targets, MixedTargets) else targets
            seen.add(outputs, true[: self.feed.own(step)], loss)
            under_way.batches = step
            self.job.on_batch(step, steps)
            self.saving.batch_done(stepped=self.updates.stepped)
        watch.end()
        return seen.metrics(where=f"epoch {number}")

    def step(self, inputs: Inputs, targets: Targets) -> tuple[dict[str, Tensor], Tensor]:
        """One batch: forward, backward, and a step of the optimizer where it is time for one. The outputs by name, and
        the loss; no outputs of a model that computes its losses itself. Of several processes each has the outputs of
        its share, and all have the loss of the whole batch."""
        self.updates.before_batch()
        with self.world.reducing(now=self.updates.will_step):
            outputs, loss = self.compute(inputs, targets)
            if not loss.requires_grad:
                raise ModelFaultError(
                    "the loss does not depend on anything that is trained: no gradient comes back from it",
                    hint="forward, or the loss, may call detach(), argmax() or .item(), or work under torch.no_grad()",
                )
            part = part_of_batch(self.world, self.feed, self.loss, targets, step=self.watch.step if self.watch else 1)
            whole = self.world.mean(loss, part=part)
            if self.watch is not None:
                self.watch.loss(whole)
            self.updates.backward(loss, part=part)
        self.updates.after_batch(check=(lambda norm: None) if self.watch is None else self.watch.gradient)
        return outputs, whole

    def outputs_and_loss(self, inputs: Inputs, targets: Targets) -> tuple[dict[str, Tensor], Tensor]:
        """The outputs of a batch by name, none of a model that computes its losses itself, and the loss."""
        return self.numerics.outputs_and_loss(inputs, targets, loss=self.loss)

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
            self.world.settle(self.module)
            return evaluate_feed(
                self.module,
                self.validation,
                task=self.job.task,
                outputs=self.job.outputs,
                read=self.job.read_outputs,
                where=f"the validation after epoch {number}",
                before_batch=self.saving.check,
                world=self.world,
            )

    def keep(self, row: EpochRow) -> None:
        """Add the row; copy the weights if they are the best so far; write what resuming needs."""
        self.rows = (*self.rows, row)
        self.under_way = None
        self.saving.wait()
        improved = self.best_row() == row
        if improved and self.world.shards:  # elsewhere they are copied with all the rest
            self.best = self.world.copied(module_state(self.module) if self.average is None else self.average.tensors)
        state = self.state()
        if improved and not self.world.shards:
            self.best = state.measured
            state = dataclasses.replace(state, best=self.best)
        if self.job.run is None:
            return
        if improved:
            self.job.run.save_best(self.best, row=row)
        # Last of all the checkpoint: until it is there, a resumed run does this epoch, or the rest of it, again and
        # rewrites the others.
        self.job.run.write_rows(self.rows)
        self.save(state)
        self.saving.saved()

    def state(self) -> TrainState:
        """A copy of what a resumed run starts from, after the last step of the optimizer."""
        if self.watch is not None:
            self.watch.end()  # no weights are kept that are no numbers
        state = TrainState(
            rows=self.rows,
            module=module_state(self.module),
            best=self.best,
            optimizer=optimizer_state(self.optimizer),
            average={} if self.average is None else self.average.tensors,
            part=None if self.under_way is None else self.under_way.part(),
            scaler={} if self.updates.scaler is None else self.updates.scaler.state_dict(),
        )
        return self.world.kept(state)

    def save(self, state: TrainState) -> None:
        """Write what a resumed run starts from."""
        if self.job.run is not None:
            self.job.run.save_state(state, selection=self.job.task.selection)

    def best_row(self) -> EpochRow:
        """The best epoch so far."""
        return best_row(self.rows, selection=self.job.task.selection)

    def out_of_patience(self) -> bool:
        """Whether the last `patience` epochs, of those that the schedule is for, brought nothing better."""
        start, selection = self.job.schedule_start, self.job.task.selection
        return out_of_patience(self.rows, self.patience, selection=selection, start=start)

    def is_good_enough(self) -> bool:
        """Whether an epoch, of those that the schedule is for, has reached `stop_at`."""
        return has_reached(self.rows[self.job.schedule_start :], self.stop_at, selection=self.job.task.selection)

    def result(self) -> TrainResult:
        """What came of it. The module is left with its best weights, where one process has trained it."""
        if not self.rows:
            raise ZooError("no epoch was trained", hint="--epochs takes 1 or more")
        best = self.best_row()
        if self.world.size == 1:
            load_strictly(self.module, self.best, source="the best epoch")
        return TrainResult(
            epochs=len(self.rows),
            best_epoch=best.epoch,
            seconds=sum(row.seconds for row in self.rows),
            validation=best.validation,
            stopped_early=len(self.rows) < self.job.epochs,
        )
