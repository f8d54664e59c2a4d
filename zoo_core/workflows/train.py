"""Training from names to a finished run: match, load, build, fit, measure once, write the card."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.data import Samples
from zoo_core.errors import UsageError, ZooError
from zoo_core.files import clear_io_errors
from zoo_core.records import EpochRow, RunInfo, TrainResult
from zoo_core.registry import Zoo
from zoo_core.shelf import RUNS
from zoo_core.training.card import model_card
from zoo_core.training.directory import RUN_FILE, STATE_FILE, RunDirectory
from zoo_core.training.extras import need_torch
from zoo_core.training.job import TrainJob
from zoo_core.training.rows import best_row
from zoo_core.training.run import Run, load_run

from .train_plan import TrainPlan, TrainRequest, plan_new, plan_resumed

if TYPE_CHECKING:
    from torch import nn

DRY_SAMPLES = 64


@dataclass(frozen=True, kw_only=True)
class TrainCallbacks:
    """Who watches a training. `on_start(info, done)`: the run's record, the epochs already done."""

    on_start: Callable[[RunInfo, int], None] = lambda info, done: None
    on_epoch: Callable[[EpochRow], None] = lambda row: None
    on_batch: Callable[[int, int], None] = lambda step, steps: None


def train(
    zoo: Zoo,
    *,
    model: str,
    dataset: str,
    run: str | None = None,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    trainer: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    init_from: str | None = None,
    freeze: Sequence[str] = (),
    download: bool = False,
    dry_run: bool = False,
    resume: bool = False,
    replace: bool = False,
    callbacks: TrainCallbacks | None = None,
) -> RunInfo:
    """Train a model on a dataset; the record of the finished run.

    `run`: default MODEL-DATASET, then -2, ...; an existing one is an error unless `resume` or `replace`. `options`,
    `data`, `config`: of model, dataset, trainer, as text or values. `init_from`: weights to begin with; `freeze`:
    patterns of what is not trained. `dry_run`: one batch, and no run is left.
    Raises UsageError for anything mistyped, ZooError for the rest.
    """
    need_torch("training")
    if resume and (dry_run or replace):
        raise UsageError("a run is resumed, or replaced, or tried dry: one of them")
    request = TrainRequest(
        model=model, dataset=dataset, run=run, epochs=epochs, trainer=trainer, seed=seed, device=device
    )
    request = dataclasses.replace(request, options=options or {}, data=data or {}, config=config or {})
    request = dataclasses.replace(request, init_from=init_from, freeze=tuple(freeze))
    plan = plan_resumed(zoo, request) if resume else plan_new(zoo, request, replace=replace or dry_run)
    session = _open_session(zoo, plan, callbacks or TrainCallbacks(), download=download)
    return session.dry_run() if dry_run else session.run(new=not resume, replace=replace)


def run_report(run: Run) -> dict[str, Any]:
    """A finished run as `zoo train --json` prints it."""
    info = run.info
    return {
        "run": run.name,
        "epochs": len(run.rows),
        "seconds": info.seconds,
        "validation": dict(info.validation),
        "test": None if info.test is None else dict(info.test),
    }


def _open_session(zoo: Zoo, plan: TrainPlan, callbacks: TrainCallbacks, *, download: bool) -> _Session:
    splits = {split: plan.dataset.load(split, download=download) for split in plan.dataset.split_names}
    samples, info = splits["train"], plan.info
    if info.dataset_fingerprint and info.dataset_fingerprint != samples.fingerprint:
        raise ZooError(
            f"the data of {info.dataset!r} have changed since run {info.name!r} was started",
            hint="start another run with --run",
        )
    classes = tuple(samples.classes or info.classes)
    info = dataclasses.replace(info, dataset_fingerprint=samples.fingerprint, classes=classes)
    return _Session(zoo=zoo, plan=dataclasses.replace(plan, info=info), splits=splits, callbacks=callbacks)


@dataclass(frozen=True, kw_only=True)
class _Session:
    """One call of `train`, with its data at hand."""

    zoo: Zoo
    plan: TrainPlan
    splits: Mapping[str, Samples]
    callbacks: TrainCallbacks
    quiet: bool = False

    def run(self, *, new: bool, replace: bool) -> RunInfo:
        directory = RunDirectory(self.plan.path)
        module = self.build()  # first of all: a model that cannot take these data leaves no run behind
        if (check := self.plan.trainer.spec.check) is not None:
            check(self.job(module, None))
        session = self.begun(module) if new else self
        if replace:
            _remove_run(self.plan.path)
        if new:
            directory.create(session.plan.info)
        with directory.lock(), _no_empty_run(directory):
            info, result = session.fit(module, directory)
            info = session.finish(directory, info)
        self.tell("zoo_trained", run=info, result=result)
        return info

    def begun(self, module: nn.Module) -> _Session:
        """The session whose module has the weights that training is to begin with."""
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
        from zoo_core.training.placement import pick_device, seed_everything
        from zoo_core.training.probe import try_module

        info = self.plan.info
        seed_everything(info.seed)
        module: nn.Module = self.plan.model.build(**info.options).to(pick_device(info.device))
        try_module(
            module,
            self.splits["train"],
            task=self.plan.task,
            outputs=self.plan.outputs,
            model=info.model,
            device=info.device,
        )
        freeze(module, info.freeze)
        return module

    def job(self, module: nn.Module, directory: RunDirectory | None) -> TrainJob:
        plan = self.plan
        return TrainJob(
            module=module,
            train=self.splits["train"],
            validation=self.splits["validation"],
            task=plan.task,
            outputs=plan.outputs,
            config=plan.config,
            epochs=plan.info.epochs,
            seed=plan.info.seed,
            device=plan.info.device,
            augment=plan.dataset.spec.augment,
            loss=plan.model.spec.loss,
            run=directory,
            state=None if directory is None else directory.read_state(),
            on_batch=self.callbacks.on_batch,
        )

    def fit(self, module: nn.Module, directory: RunDirectory) -> tuple[RunInfo, TrainResult]:
        plan = self.plan
        job = self.job(module, directory)
        rows = list(job.state.rows) if job.state is not None else []
        info = plan.info

        def epoch_ended(row: EpochRow) -> None:
            nonlocal info
            rows.append(row)
            best = best_row(rows, selection=plan.task.selection)
            seconds = sum(each.seconds for each in rows)
            info = dataclasses.replace(info, best_epoch=best.epoch, validation=best.validation, seconds=seconds)
            directory.write_info(info)
            self.tell("zoo_epoch_ended", run=info, row=row)
            self.callbacks.on_epoch(row)

        self.callbacks.on_start(info, len(rows))
        try:
            result: TrainResult = plan.trainer.spec.fit(job, on_epoch=epoch_ended)
        except (RuntimeError, ValueError) as error:  # torch's own complaints: memory, shapes, values
            reason = str(error).strip().partition("\n")[0]
            raise ZooError(f"training {info.model} failed: {reason}", hint="ZOO_DEBUG=1 shows where") from error
        info = dataclasses.replace(
            info, best_epoch=result.best_epoch, validation=result.validation, seconds=result.seconds
        )
        return info, result

    def finish(self, directory: RunDirectory, info: RunInfo) -> RunInfo:
        """Measure the best weights on the test split; draw the curves; write the card; close the record."""
        from zoo_core.training.evaluation import evaluate

        run = load_run(directory.path)
        test = None
        if "test" in self.splits:
            module = run.build(self.zoo)
            outputs = self.plan.outputs
            test = evaluate(module, self.splits["test"], task=self.plan.task, outputs=outputs, device=info.device)
        info = dataclasses.replace(info, status="finished", test=test)
        pictures = _draw(run)
        model, dataset = self.plan.model.spec, self.plan.dataset.spec
        card = model_card(info, epochs=len(run.rows), model=model, dataset=dataset, pictures=pictures)
        directory.write_card(card)
        directory.write_info(info)
        return info

    def dry_run(self) -> RunInfo:
        """One batch through training, validation, saving, reading and the export check; nothing is left."""
        batch = int(getattr(self.plan.config, "batch_size", DRY_SAMPLES))
        splits = {name: _first(samples, batch) for name, samples in self.splits.items()}
        info = dataclasses.replace(self.plan.info, epochs=1)
        had_runs = RUNS.exists()
        with clear_io_errors("cannot write", RUNS):
            RUNS.mkdir(exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=RUNS, prefix=".dry-run-"))
        try:
            plan = dataclasses.replace(self.plan, path=folder / info.name, info=info)
            dry = dataclasses.replace(self, plan=plan, splits=splits, quiet=True)
            done = dry.run(new=True, replace=False)
            _check_export(load_run(plan.path), plan, splits["train"], self.zoo)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not had_runs:
                with contextlib.suppress(OSError):
                    RUNS.rmdir()
        return done


def _check_export(run: Run, plan: TrainPlan, samples: Samples, zoo: Zoo) -> None:
    from .export import check_export

    check_export(run.build(zoo), model=plan.model, options=plan.info.options, dataset=plan.dataset, samples=samples)


def _first(samples: Samples, count: int) -> Samples:
    return dataclasses.replace(samples, inputs=samples.inputs[:count], targets=samples.targets[:count])


def _draw(run: Run) -> bool:
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from .pictures import draw_curves

    draw_curves(run)
    return True


def _remove_run(path: Path) -> None:
    if not path.exists():
        return
    if not (path / RUN_FILE).exists():
        raise UsageError(f"{path} exists and is no run", hint="another name with --run")
    with RunDirectory(path).lock(), clear_io_errors("cannot remove", path):
        shutil.rmtree(path)


@contextlib.contextmanager
def _no_empty_run(directory: RunDirectory) -> Iterator[None]:
    # A stopped run can be resumed; one that failed before its first epoch was done has nothing to keep.
    try:
        yield
    except Exception:
        if not (directory.path / STATE_FILE).exists():
            shutil.rmtree(directory.path, ignore_errors=True)
        raise
