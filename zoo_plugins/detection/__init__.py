"""Tasks that find things in pictures, and where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def detection(spec: TaskSpec) -> Task:
    """Boxes around things."""
    from .boxes import Detection

    return Detection(spec)


def found(spec: TaskSpec) -> Task:
    """Exported and verified; neither trained nor told to people yet."""
    from zoo_core.tasks import Task

    return Task(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="detection",
        summary="boxes around things, and what they are",
        load=detection,
        targets="boxes",
        metrics={"map": "more", "map50": "more", "recall": "more"},
        selection="map",
        loss="the model's own",
    )
    for name, summary in (
        ("instance-segmentation", "a mask for each thing"),
        ("keypoints", "joints of each person"),
    ):
        yield TaskSpec(name=name, summary=summary, load=found, targets="boxes", answers=False)
    yield TaskSpec(
        name="optical-flow",
        summary="how far each pixel moves between two pictures",
        load=found,
        targets="pictures",
        answers=False,
    )
