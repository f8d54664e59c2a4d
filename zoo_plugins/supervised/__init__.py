"""The trainer that most models need: labelled samples, a loss, an optimizer and a schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zoo_core import EpochRow, TrainerSpec, TrainResult, hookimpl

from .config import SupervisedConfig

if TYPE_CHECKING:
    from zoo_core.training import TrainJob


def supervised(job: TrainJob, *, on_epoch: Callable[[EpochRow], None]) -> TrainResult:
    """Train `job.module` on labelled samples."""
    from .fit import train  # torch lives there

    return train(job, on_epoch=on_epoch)


def check(job: TrainJob) -> None:
    """Raise ZooError for a loss, an augmentation or smaller pictures that are not for this model and these data."""
    from .fit import check_job

    check_job(job)


@hookimpl
def zoo_trainers() -> Iterator[TrainerSpec]:
    yield TrainerSpec(
        name="supervised",
        fit=supervised,
        summary="labelled samples, a loss, an optimizer and a schedule",
        config=SupervisedConfig,
        check=check,
        several_processes=True,
    )
