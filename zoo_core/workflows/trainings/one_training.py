"""One training, with its data at hand: build, fit, measure once, write the card; or one batch through all of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo_core.data import Samples
from zoo_core.errors import Terminated, UsageError, ZooError
from zoo_core.matching import bound_tensors
from zoo_core.plugin_faults import ModelFaultError, faulty_model
from zoo_core.records import EpochRow, RunInfo, TrainResult
from zoo_core.registry import Zoo
from zoo_core.shelf import spelled
from zoo_core.training.directory import RunDirectory, read_info
from zoo_core.training.distributed.world import ALONE, World
from zoo_core.training.diverged import check_row
from zoo_core.training.epoch_rows import best_row
from zoo_core.training.job import TrainJob
from zoo_core.training.run import load_run
from zoo_core.training.run_card import model_card
from zoo_core.training.run_pictures import older_pictures_of, pictures_of, set_pictures_aside

from . import best_exports
from .budget import within_budget
from .callbacks import TrainCallbacks as TrainCallbacks
from .failed import checked_result, failed_training, no_empty_run, remove_run
from .legs import leg_notes
from .measuring import measured
from .planned import with_plan
from .remarks import remarks_before, with_remarks
from .together import follow, tell_others
from .train_plan import TrainPlan, with_another_name

if TYPE_CHECKING:
    from torch import nn

    from zoo_core.training.state import TrainState
    from zoo_core.training.training_plan import TrainingPlan


@dataclass(frozen=True, kw_only=True)
class Training:
    """One call of `train`. `plan` is what was decided, `splits` are its data, `raised` what the callbacks raised;
    `on_weights`: what is to be known of the weights that it begins with, in sentences; `time_budget`: seconds that a
    new run has, where they say how many epochs it has; `world`: the processes that train it, of which this is one."""

    zoo: Zoo
    plan: TrainPlan
    splits: Mapping[str, Samples]
    callbacks: TrainCallbacks
    on_weights: tuple[str, ...] = ()
    time_budget: float | None = None
    quiet: bool = False
    world: World = ALONE
    raised: list[BaseException] = field(default_factory=list)

    def run(self, *, new: bool, replace: bool) -> RunInfo:
        """Train to the end; the record of the finished run."""
        if self.time_budget is not None:
            training = within_budget(self, self.time_budget)
            return dataclasses.replace(training, time_budget=None).run(new=new, replace=replace)
        module = self.build()  # first of all: a model that cannot take these data leaves no run behind
        if (check := self.plan.trainer.spec.check) is not None:
            with self.plugin_errors():
                check(self.job(module, None))
        if self.exports_best:
            best_exports.check_exportable(self.plan.info.name)
        if not self.world.is_first:
            return follow(self, module)
        state, training = None, self.begun(module) if new else self
        if replace:
            remove_run(self.plan.path)
        if new:
            training = training.created()
        directory = RunDirectory(training.plan.path)
        with directory.lock():
            if not new:
                state = training.settled(directory)
                # What was stopped before its first checkpoint has no weights of its own yet.
                training = training.begun(module) if state is None else training
                directory.write_info(training.plan.info)
            tell_others(training, directory, state)
            with no_empty_run(directory, kept=not self.quiet):
                info, result = training.fit(module, directory, state)
                info = training.finish(directory, info)
            info = training.exported(directory, info)
            # Also a run that is killed while it is told of goes on: who holds it has not let go.
            self.tell("zoo_trained", run=info, result=result)
            directory.write_card(training.card(directory, info))  # once more: listeners may have drawn something
        return info

    @property
    def exports_best(self) -> bool:
        """Whether its best weights are exported beside it."""
        return not self.quiet and best_exports.wanted(self.plan.config)

    def settled(self, directory: RunDirectory) -> TrainState | None:
        """What the run goes on from. What tells of it as it was stands no longer where people look for what it is."""
        before = read_info(directory.path)
        another_leg = before.legs != self.plan.info.legs
        state = directory.settled(drop_before=another_leg)
        if another_leg or before.status == "unfinished":
            set_pictures_aside(directory.path, done=0 if state is None else state.epoch)
        directory.drop_card()
        return state

    def created(self) -> Training:
        """The training whose folder is made. A name that nobody asked for may be taken by now: the next one is free."""
        training = self
        while True:
            try:
                RunDirectory(training.plan.path).create(training.plan.info)
            except UsageError:
                if training.plan.named:
                    raise
                training = dataclasses.replace(training, plan=with_another_name(training.plan))
            else:
                return training

    def begun(self, module: nn.Module) -> Training:
        """The training whose module has the weights that training is to begin with."""
        from zoo_core.training.transfer import begin_with, initial_weights

        info = self.plan.info
        if info.init_from is None:
            return self
        fresh = begin_with(module, initial_weights(info.init_from, model=self.plan.model))
        return dataclasses.replace(
            self, plan=dataclasses.replace(self.plan, info=dataclasses.replace(info, fresh=fresh))
        )

    def tell(self, event: str, **arguments: Any) -> None:
        if not self.quiet:
            self.zoo.tell(event, **arguments)

    def build(self) -> nn.Module:
        """The module with its first weights, made from the seed, on its device; tried on a few samples."""
        from zoo_core.training.freezing import freeze
        from zoo_core.training.one_at_a_time import reader_of
        from zoo_core.training.placement import pick_device, seed_everything
        from zoo_core.training.trial import try_measures, try_module

        plan, info = self.plan, self.plan.info
        seed_everything(info.seed)
        module: nn.Module = plan.model.build(**info.options).to(pick_device(info.device))
        read, validation = reader_of(plan.model.spec), self.splits["validation"]
        with self.plugin_errors():
            try_module(
                module,
                self.splits["train"],
                task=plan.task,
                outputs=plan.outputs,
                declared=bound_tensors(plan.model, info.options),
                read=read,
                model=info.model,
                device=info.device,
            )
        if info.task_plugin:  # those of the zoo itself measure what they say
            told = {"plugin": info.task_plugin, "device": info.device}
            try_measures(module, validation, task=plan.task, outputs=plan.outputs, read=read, **told)
        freeze(module, info.freeze)
        return module

    def job(self, module: nn.Module, directory: RunDirectory | None, state: TrainState | None = None) -> TrainJob:
        from zoo_core.training.one_at_a_time import reader_of

        plan = self.plan
        return TrainJob(
            module=module,
            train=self.splits["train"],
            validation=self.splits["validation"],
            task=plan.task,
            outputs=plan.outputs,
            read_outputs=reader_of(plan.model.spec),
            config=plan.config,
            epochs=plan.info.epochs,
            schedule_start=plan.info.schedule_start,
            seed=plan.info.seed,
            device=plan.info.device,
            augment=plan.dataset.spec.augment if plan.info.overfit is None else (),
            loss=plan.model.spec.loss,
            losses=plan.model.spec.losses,
            run=directory,
            state=state,
            on_batch=self.watched(self.callbacks.on_batch),
            world=self.world,
        )

    def fit(self, module: nn.Module, directory: RunDirectory, state: TrainState | None) -> tuple[RunInfo, TrainResult]:
        plan = self.plan
        rows = [] if state is None else list(state.rows)
        info = plan.info
        exports = best_exports.beside(directory, info, rows, plan.task) if self.exports_best else None

        def epoch_ended(row: EpochRow) -> None:
            nonlocal info
            check_row(row, selection=plan.task.selection, task=plan.task.name)  # for trainers with loops of their own
            rows.append(row)
            best = best_row(rows, selection=plan.task.selection)
            seconds = sum(each.seconds for each in rows)
            info = dataclasses.replace(info, best_epoch=best.epoch, validation=best.validation, seconds=seconds)
            directory.write_info(info)
            if exports is not None and (come := exports.epoch_ended(row, best=best)) is not None:
                directory.write_info(info := dataclasses.replace(info, best_export=come))
                self.watched(self.callbacks.on_export)(come)
            self.tell("zoo_epoch_ended", run=info, row=row)
            self.watched(self.callbacks.on_epoch)(row)

        def plan_made(made: TrainingPlan) -> None:
            nonlocal info
            before, info = info.plan, with_plan(info, made)
            directory.write_info(info)
            if info.plan != before:
                self.watched(self.callbacks.on_note)(made.line)

        job = dataclasses.replace(self.job(module, directory, state), on_plan=plan_made)
        self.callbacks.on_start(info, len(rows))
        if state is not None and state.part is not None:
            self.callbacks.on_within(state.part.batches, state.part.steps)
        for note in self.notes(module, done=len(rows)):
            self.callbacks.on_note(note)
        with self.plugin_errors(), exports or contextlib.nullcontext():
            result = checked_result(plan.trainer.spec.fit(job, on_epoch=epoch_ended), plan.trainer)
        info = dataclasses.replace(
            info, best_epoch=result.best_epoch, validation=result.validation, seconds=result.seconds
        )
        return info, result

    def notes(self, module: nn.Module, *, done: int) -> tuple[str, ...]:
        """What is worth a line before the first step, or after so many epochs."""
        # A dry run has a few samples only: what they lack, or cost, says nothing of the data.
        train, info = None if self.quiet else self.splits["train"], self.plan.info
        planned = hasattr(self.plan.config, "precision")  # its trainer plans
        found = remarks_before(module, info, train, planned=planned)
        return (*leg_notes(info, done=done), *self.on_weights, *found)

    def watched(self, callback: Callable[..., None]) -> Callable[..., None]:
        """The callback, whose exceptions are those of who watches: they come out as they are."""

        def call(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except BaseException as error:
                self.raised.append(error)
                raise

        return call

    @contextlib.contextmanager
    def plugin_errors(self) -> Iterator[None]:
        """What trainer, model or augmentation raise is a failed training, and not a fault of the zoo."""
        try:
            yield
        except ModelFaultError as error:
            raise faulty_model(error, self.plan.model) from error
        except (ZooError, KeyboardInterrupt, Terminated):
            raise
        except BaseException as error:
            if any(error is each for each in self.raised):
                raise
            if (lost := self.world.in_words(error)) is not None:
                raise lost from error
            raise failed_training(error, self.plan, self.zoo) from error

    def finish(self, directory: RunDirectory, info: RunInfo) -> RunInfo:
        """Measure the best weights on the test split; write the card; close the record."""
        info = measured(self.plan, self.splits, info, build=lambda: load_run(directory.path).build(self.zoo))
        info = dataclasses.replace(info, status="finished")
        if not self.quiet:
            epochs = len(load_run(directory.path).rows)
            info = with_remarks(info, self.splits, self.plan.task, epochs=epochs, first=self.on_weights)
        directory.write_card(self.card(directory, info))
        directory.drop_before()
        directory.write_info(info)
        return info

    def exported(self, directory: RunDirectory, info: RunInfo) -> RunInfo:
        """The record with what came of the export of the finished run, where its best was to be exported."""
        if not self.exports_best:
            return info
        self.callbacks.on_note(f"Exporting epoch {info.best_epoch}, the best of {info.name}")
        info = dataclasses.replace(info, best_export=best_exports.BestExports(directory, info).last())
        directory.write_info(info)
        return info

    def card(self, directory: RunDirectory, info: RunInfo) -> str:
        return model_card(
            info,
            called=spelled("run", info.name, kinds=("run", "model", "dataset"), zoo=self.zoo),
            epochs=len(load_run(directory.path).rows),
            model=self.plan.model.spec,
            dataset=self.plan.dataset.spec,
            pictures=pictures_of(directory.path),
            older=older_pictures_of(directory.path),
        )
