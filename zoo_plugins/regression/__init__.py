"""Tasks whose answers are numbers: one or several for a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def regression(spec: TaskSpec) -> Task:
    """K numbers for each sample."""
    from .numbers import Regression

    return Regression(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    for name, summary, takes in (
        ("regression", "one or several numbers for a sample", ("sequence-regression",)),
        ("sequence-regression", "one or several numbers for a signal", ()),
    ):
        yield TaskSpec(
            name=name,
            summary=summary,
            load=regression,
            targets="numbers",
            metrics={"loss": "less", "mae": "less", "rmse": "less", "r2": "more"},
            selection="rmse",
            loss="mean squared error; mae or huber by name",
            takes=takes,
        )
