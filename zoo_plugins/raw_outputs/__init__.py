"""Tasks whose answers are numbers, with nothing to be right about: features, and pictures that a filter makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def array_task(spec: TaskSpec) -> Task:
    """Arrays as the model gives them."""
    from .arrays import ArrayTask

    return ArrayTask(spec)


def picture_task(spec: TaskSpec) -> Task:
    """Arrays to look at."""
    from .arrays import PictureTask

    return PictureTask(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(name="image-filter", summary="a picture made of a picture", load=picture_task, targets="none")
    yield TaskSpec(name="features", summary="numbers that describe a sample", load=array_task, targets="none")
