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


def instances(spec: TaskSpec) -> Task:
    """A mask for each thing."""
    from .masks import Instances

    return Instances(spec)


def keypoints(spec: TaskSpec) -> Task:
    """Joints of persons."""
    from .joints import Keypoints

    return Keypoints(spec)


def optical_flow(spec: TaskSpec) -> Task:
    """How far each pixel moves."""
    from .flow import OpticalFlow

    return OpticalFlow(spec)


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
    for name, summary, load in (
        ("instance-segmentation", "a mask for each thing", instances),
        ("keypoints", "joints of each person", keypoints),
    ):
        yield TaskSpec(name=name, summary=summary, load=load, targets="boxes")
    yield TaskSpec(
        name="optical-flow",
        summary="how far each pixel moves between two pictures",
        load=optical_flow,
        targets="pictures",
    )
