"""A trainer under test, and the small job that it is tried on: four kinds of blobs, a network of a thousand weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from zoo_core.checks.rule import NotApplicableError
from zoo_core.children.child import Line
from zoo_core.data import Samples
from zoo_core.errors import ZooError
from zoo_core.registry import open_zoo
from zoo_core.tasks import get_task
from zoo_core.training import RunDirectory, TrainJob, seed_everything

if TYPE_CHECKING:
    from zoo_core.records import EpochRow, TrainResult
    from zoo_core.registry import Trainer
    from zoo_core.specs import TrainerSpec

EPOCHS = 6
SIDE = 8
CLASSES = ("a", "b", "c", "d")
SEED = 3
_ENDLESS = 1_000_000


class Stopped(Exception):  # noqa: N818 no error: the job has done what was wanted
    """Raised in `on_epoch` to end a training early, as a signal would."""


def samples(count: int, *, seed: int) -> Samples:
    """Float pictures (N, 1, 8, 8) of noise, one quarter of each brighter: which one is the class."""
    drawn = np.random.default_rng(seed)
    inputs = drawn.normal(size=(count, 1, SIDE, SIDE)).astype(np.float32)
    targets = np.arange(count, dtype=np.int64) % len(CLASSES)
    half = SIDE // 2
    for number, target in enumerate(targets):
        row, column = divmod(int(target), 2)
        inputs[number, :, row * half : (row + 1) * half, column * half : (column + 1) * half] += 1.5
    return Samples(
        inputs={"values": inputs}, targets=targets, form="classes", classes=CLASSES, fingerprint=f"blobs-{seed}"
    )


def network() -> nn.Module:
    """Weights from SEED; dropout, so that a random generator that is not put back shows."""
    seed_everything(SEED)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(SIDE * SIDE, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, len(CLASSES))
    )


def job_for(trainer: TrainerSpec, *, epochs: int, run: Path | None = None) -> TrainJob:
    """The job, from its first step or, where `run` has a checkpoint, from there."""
    if required := [option.name for option in trainer.options if option.required]:
        raise NotApplicableError(f"option {required[0]!r} has no default")
    names = {option.name for option in trainer.options}
    config = trainer.config(**({"epochs": epochs} if "epochs" in names else {}))
    directory = None if run is None else RunDirectory(run)
    return TrainJob(
        module=network(),
        train=samples(256, seed=0),
        validation=samples(64, seed=1),
        task=get_task("image-classification"),
        outputs=("logits",),
        config=config,
        epochs=epochs,
        seed=SEED,
        run=directory,
        state=None if directory is None else directory.read_state(),
    )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of the job: the rows that were told, the result (None when it was stopped), and the weights."""

    rows: tuple[EpochRow, ...]
    result: TrainResult | None
    weights: dict[str, Tensor]


def train(trainer: TrainerSpec, *, epochs: int, run: Path | None = None, stop_after: int | None = None) -> Trained:
    """Train; `stop_after`: the epoch after which it is stopped, as by a signal."""
    job = job_for(trainer, epochs=epochs, run=run)
    rows: list[EpochRow] = []

    def told(row: EpochRow) -> None:
        rows.append(row)
        if row.epoch == stop_after:
            raise Stopped

    result = None
    try:
        result = trainer.fit(job, on_epoch=told)
    except Stopped:
        pass
    except ZooError as error:
        if rows or job.state is not None:
            raise
        raise NotApplicableError(f"it rejects the job, an image classification: {error.message}") from error
    weights = {name: tensor.detach().clone() for name, tensor in job.module.state_dict().items()}
    return Trained(rows=tuple(rows), result=result, weights=weights)


@dataclass(frozen=True)
class TrainerCandidate:
    """A trainer and what it makes of the job."""

    trainer: Trainer
    module: str

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"trainer {self.trainer.name}"

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        return self.trainer.spec.expected_failures

    @functools.cached_property
    def straight(self) -> Trained:
        """The job, trained from beginning to end; several rules look at the same one."""
        return train(self.trainer.spec, epochs=EPOCHS)


def train_until_stopped(line: Line) -> None:
    """Train without end: for a process that is sent a signal.

    Says `{epoch}` after each, and then `{stopped}` when the signal came through, `{returned}` when `fit` came to an
    end, and `{ending}` of what else it raised.
    """
    torch.set_num_threads(1)
    trainer = open_zoo().trainer(line.task["name"]).spec

    def told(row: EpochRow) -> None:
        line.send({"epoch": row.epoch})

    try:
        trainer.fit(job_for(trainer, epochs=_ENDLESS, run=Path(line.task["run"])), on_epoch=told)
    except KeyboardInterrupt:
        line.send({"stopped": True})
    except Exception as error:  # noqa: BLE001 what a user would see as a traceback
        line.send({"ending": f"{type(error).__name__}: {error}"})
    else:
        line.send({"returned": True, "ending": "fit returns"})
