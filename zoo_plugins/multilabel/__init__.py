"""A task of flags: each class is there or not, whatever the others are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def multilabel(spec: TaskSpec) -> Task:
    """Which of K classes a sample belongs to."""
    from .flags import Multilabel

    return Multilabel(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="multilabel-classification",
        summary="which of several classes a sample belongs to: none, one or more",
        load=multilabel,
        targets="flags",
        metrics={
            "loss": "less",
            "map": "more",
            "f1": "more",
            "f1_micro": "more",
            "precision": "more",
            "recall": "more",
        },
        selection="map",
        loss="binary cross-entropy of each class",
    )
