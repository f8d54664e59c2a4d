"""A task, with the made-up answers that its rules are tried on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo_core.checks.rule import NotApplicableError
from zoo_core.specs import TaskSpec
from zoo_core.tasks import Example, Task, task_of

COUNT = 24
SEED = 5


@dataclass(frozen=True, kw_only=True)
class TaskCandidate:
    """A task that a plugin offers."""

    spec: TaskSpec
    plugin: str
    module: str

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"task {self.spec.name}"

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        return self.spec.expected_failures

    @functools.cached_property
    def task(self) -> Task:
        """Its implementation."""
        return task_of(self.spec)

    @functools.cached_property
    def example(self) -> Example:
        """Some answers with their truth, a few of them wrong."""
        self.need_metrics()
        return self.task.example(COUNT, random=np.random.Generator(np.random.Philox(SEED)))

    def need_metrics(self) -> None:
        """Raise NotApplicableError for a task without a truth, or one that cannot be measured."""
        if not self.spec.is_trained:
            raise NotApplicableError("it has no metrics")
