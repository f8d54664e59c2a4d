"""A dry run: one batch through everything that a training does, and nothing is left."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from zoo_core.data import Samples
from zoo_core.files import clear_io_errors
from zoo_core.records import RunInfo
from zoo_core.registry import Zoo
from zoo_core.replacing import scratch
from zoo_core.shelf import RUNS
from zoo_core.training.run import Run, load_run

from .one_training import Training
from .train_plan import TrainPlan

DRY_SAMPLES = 64


def dry_run(training: Training) -> RunInfo:
    """One batch through training, validation, saving, reading and the export check; nothing is left."""
    batch = int(getattr(training.plan.config, "batch_size", DRY_SAMPLES))
    splits = {name: samples.first(batch) for name, samples in training.splits.items()}
    info = dataclasses.replace(training.plan.info, epochs=1)
    had_runs = RUNS.exists()
    with contextlib.ExitStack() as entered:
        with clear_io_errors("cannot write", RUNS):
            RUNS.mkdir(exist_ok=True)
            entered.callback(_remove_if_empty, RUNS, unless=had_runs)
            folder = entered.enter_context(scratch(RUNS, ".dry-run-"))
        plan = dataclasses.replace(training.plan, path=folder / info.name, info=info, named=True)
        dry = dataclasses.replace(training, plan=plan, splits=splits, quiet=True, time_budget=None)
        done = dry.run(new=True, replace=False)
        _check_export(load_run(plan.path), plan, splits["train"], training.zoo)
    return done


def _check_export(run: Run, plan: TrainPlan, samples: Samples, zoo: Zoo) -> None:
    from zoo_core.workflows.exports.export_source import check_export

    check_export(run.build(zoo), model=plan.model, options=plan.info.options, dataset=plan.dataset, samples=samples)


def _remove_if_empty(folder: Path, *, unless: bool) -> None:
    if not unless:
        with contextlib.suppress(OSError):
            folder.rmdir()
