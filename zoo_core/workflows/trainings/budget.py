"""How many epochs fit into a time: measured before the first step, so that the schedule ends with the time.

From then on it is a number of epochs like any other: the run is resumed and repeated to the bit, whatever a clock says.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING

from zoo_core.records import counted, lasting
from zoo_core.replacing import scratch
from zoo_core.shelf import RUNS
from zoo_core.training.directory import RunDirectory

if TYPE_CHECKING:
    from .one_training import Training

USED = 0.95
"""The part of the time that is planned for; the rest is for what comes before and after the epochs."""

_LONG_ENOUGH = 1.0
_GROWTH = 4


def within_budget(training: Training, seconds: float) -> Training:
    """The training with as many epochs as fit into a time, one at least; a line says how many."""
    each = _seconds_an_epoch(training)
    epochs = max(1, math.floor(USED * seconds / each))
    training.callbacks.on_note(f"{counted(epochs, 'epoch')} in {lasting(seconds)}: one takes about {each:.3g} s here")
    plan = training.plan
    legs = tuple(dataclasses.replace(leg, epochs=epochs) for leg in plan.info.legs)
    info, config = dataclasses.replace(plan.info, epochs=epochs, legs=legs), plan.config
    if "epochs" in info.config:
        config = dataclasses.replace(config, epochs=epochs)
        info = dataclasses.replace(info, config=dataclasses.asdict(config))
    return dataclasses.replace(training, plan=dataclasses.replace(plan, info=info, config=config))


def _seconds_an_epoch(training: Training) -> float:
    """What an epoch takes, with its validation and its checkpoint: measured on more and more samples, until it takes
    long enough. The first time, when much is done for once, does not count."""
    module = training.build()
    total = len(training.splits["train"])
    count = int(getattr(training.plan.config, "batch_size", 1))
    warm = False
    while True:
        count = min(count, total)
        part = count / total
        splits = {name: each.first(max(1, round(len(each) * part))) for name, each in training.splits.items()}
        tried = dataclasses.replace(training, splits=splits, quiet=True)
        RUNS.mkdir(exist_ok=True)
        with scratch(RUNS, ".budget-") as folder, tried.plugin_errors():
            directory = RunDirectory(folder / "run")
            directory.create(training.plan.info)
            job = dataclasses.replace(tried.job(module, directory), epochs=1, on_batch=lambda step, steps: None)
            started = time.perf_counter()
            training.plan.trainer.spec.fit(job, on_epoch=lambda row: None)
            seconds = time.perf_counter() - started
        if warm and (seconds > _LONG_ENOUGH or count == total):
            return seconds / part
        if warm:
            count *= _GROWTH
        warm = True
