"""Trainings of seconds: a few grey pictures whose brightness tells the class, and a net that is hard to resume."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from zoo_core import EpochRow, Preprocess, TrainResult, open_zoo
from zoo_core.data import Samples
from zoo_core.tasks import get_task
from zoo_core.training import (
    RunDirectory,
    TrainJob,
)

TASK = get_task("image-classification")


GREY = Preprocess(color="L", mean=(0.5,), std=(0.25,))


def make_samples(count: int = 50, *, seed: int = 0, classes: int = 3, preprocess: Preprocess | None = GREY) -> Samples:
    """Pictures of 4x4 whose brightness tells the class."""
    generator = np.random.default_rng(seed)
    targets = np.arange(count, dtype=np.int64) % classes
    noise = generator.integers(0, 60, (count, 1, 4, 4))
    inputs = (noise + 80 * targets[:, None, None, None]).astype(np.uint8)
    stored = inputs if preprocess is not None else inputs.astype(np.float32) / 255
    names = tuple(f"class{number}" for number in range(classes))
    digest = hashlib.sha256(inputs.tobytes()).hexdigest()
    return Samples(
        inputs={"image": stored},
        targets=targets,
        form="classes",
        classes=names,
        recipes={} if preprocess is None else {"image": preprocess},
        fingerprint=digest,
    )


def make_module(classes: int = 3) -> nn.Module:
    """With everything that makes resuming hard: dropout, and batch normalisation with its running statistics."""
    torch.manual_seed(7)
    layers = nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, classes)
    return nn.Sequential(*layers)


def make_job(run: RunDirectory | None = None, *, epochs: int = 4, **config: object) -> TrainJob:
    trainer = open_zoo().trainer("supervised")
    return TrainJob(
        module=make_module(),
        train=make_samples(50),
        validation=make_samples(20, seed=1),
        task=TASK,
        outputs=("logits",),
        config=trainer.spec.config(epochs=epochs, **{"batch_size": 16, **config}),
        epochs=epochs,
        seed=3,
        run=run,
    )


def fit(job: TrainJob, *, on_epoch: Callable[[EpochRow], None] = lambda row: None) -> TrainResult:
    result: TrainResult = open_zoo().trainer("supervised").spec.fit(job, on_epoch=on_epoch)
    return result


class Stop(Exception):
    """Raised by a test to end a training between two epochs."""


def stop_after(epoch: int, error: type[BaseException] = Stop) -> Callable[[EpochRow], None]:
    def on_epoch(row: EpochRow) -> None:
        if row.epoch == epoch:
            raise error

    return on_epoch
