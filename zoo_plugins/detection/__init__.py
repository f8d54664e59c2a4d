"""Tasks that find things in pictures, and where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def found(spec: TaskSpec) -> Task:
    """Exported and verified; neither trained nor told to people yet."""
    from zoo_core.tasks import Task

    return Task(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    for name, summary in (
        ("detection", "boxes around things, and what they are"),
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
