"""The interface of a task, and the look-up by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError, did_you_mean
from zoo_core.specs import TASKS

from .classification import ImageClassification


class Task(Protocol):
    """What outputs mean: how good they are, what they decide, and how they are told. Arrays in, plain data out.

    `outputs` are the model's, by name, with the samples along their first axis. Every method raises ZooError when they
    do not fit the task, or hold NaN or infinity.
    """

    @property
    def name(self) -> str:
        """One of the closed list of tasks."""

    @property
    def selection(self) -> str:
        """The metric that picks the best epoch; more is better."""

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[np.int64]) -> dict[str, float]:
        """Mean loss and metrics of all samples, computed in float64."""

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """One answer a sample, as plain data."""


def get_task(name: str) -> Task:
    """The task of that name. Raises ZooError for an unknown one, or one that cannot be trained or decoded yet."""
    if name == ImageClassification.name:
        return ImageClassification()
    if name in TASKS:
        raise ZooError(
            f"the task {name!r} cannot be trained or decoded yet", hint=f"it can be for {ImageClassification.name}"
        )
    raise ZooError(f"unknown task {name!r}", hint=did_you_mean(name, TASKS) or f"one of {', '.join(TASKS)}")
