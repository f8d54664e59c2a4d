"""The interface of a task, and the look-up by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from zoo_core.errors import ZooError, did_you_mean
from zoo_core.specs import TASKS

from .arrays import ArrayTask
from .classification import Classification
from .segmentation import Segmentation


class Tally(Protocol):
    """Metrics that add up batch by batch, in float64: the outputs themselves are not kept."""

    def add(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> None:
        """One batch. Raises ZooError when outputs and targets do not fit the task or each other."""

    def metrics(self) -> dict[str, float]:
        """Mean loss and metrics of everything that was added. Raises ZooError for nothing."""

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """What one number cannot say: scores of each class, and the confusion matrix, as plain data."""


class Task(Protocol):
    """What outputs mean: how good they are, what they decide, and how they are told. Arrays in, plain data out.

    `outputs` are the model's, by name, with the samples along their first axis; `targets` are class numbers (N,), or
    masks (N, H, W) or (N, L). Every method raises ZooError when they do not fit the task, or hold NaN or infinity.
    """

    @property
    def name(self) -> str:
        """One of the closed list of tasks."""

    @property
    def selection(self) -> str:
        """The metric that picks the best epoch; more is better."""

    @property
    def gives(self) -> Literal["labels", "masks", "sequences", "pictures", "arrays"]:
        """What kind of answers `decode` returns."""

    def tally(self) -> Tally:
        """An empty tally of metrics. Raises ZooError for a task that has none."""

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> dict[str, float]:
        """The metrics of one batch that is everything there is."""

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """One answer a sample."""


_KNOWN: tuple[Task, ...] = (
    Classification("image-classification"),
    Classification("binary-classification"),
    Classification("video-classification"),
    Segmentation("semantic-segmentation"),
    Segmentation("sequence-segmentation"),
    ArrayTask("image-filter"),
    ArrayTask("features"),
)


def get_task(name: str) -> Task:
    """The task of that name. Raises ZooError for an unknown one, or one that cannot be trained or decoded yet."""
    for task in _KNOWN:
        if task.name == name:
            return task
    if name in TASKS:
        known = ", ".join(task.name for task in _KNOWN)
        raise ZooError(f"the task {name!r} cannot be trained or decoded yet", hint=f"these can: {known}")
    raise ZooError(f"unknown task {name!r}", hint=did_you_mean(name, TASKS) or f"one of {', '.join(TASKS)}")
