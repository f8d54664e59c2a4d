"""Tasks by name: the bundled ones without a look at any other plugin, the others through the catalogue."""

from __future__ import annotations

import functools
import importlib

from .discovery.entry_points import bundled_tasks
from .errors import UsageError, ZooError, did_you_mean
from .task_spec import TaskSpec


def task_spec(name: str, *, plugin: str = "") -> TaskSpec:
    """The task of that name; `plugin`, `dist:entry`, is asked for one that is not bundled, else whoever offers it.

    Raises UsageError for a task that nobody offers, ZooError where its plugin is not installed or cannot be loaded.
    """
    if (bundled := bundled_task(name)) is not None:
        return bundled
    from .registry import open_zoo

    zoo = open_zoo()
    if plugin and all(each.id != plugin for each in zoo.plugins):
        raise _not_installed(name, plugin)
    try:
        return zoo.task(f"{plugin}/{name}" if plugin else name)
    except UsageError as error:
        if any(name in {entry.name, entry.shown} for entry in zoo.entries("task")):
            raise
        known = [*bundled_tasks(), *(entry.shown for entry in zoo.entries("task"))]
        hint = did_you_mean(name, known) or error.hint or "see zoo list tasks"
        raise UsageError(f"unknown task {name!r}", hint=hint) from None


@functools.cache
def bundled_task(name: str) -> TaskSpec | None:
    """The zoo's own task of that name; None where it has none."""
    value = bundled_tasks().get(name)
    if value is None:
        return None
    # The hook itself: pluggy would ask nobody else.
    offered: dict[str, TaskSpec] = {spec.name: spec for spec in importlib.import_module(value).zoo_tasks()}
    return offered[name]


def task_plugin(name: str) -> str:
    """The plugin that an exported file needs for its task, `dist:entry`; empty for a bundled one."""
    if bundled_task(name) is not None:
        return ""
    from .registry import open_zoo

    return open_zoo().find("task", name).plugin


def _not_installed(name: str, plugin: str) -> ZooError:
    distribution = plugin.partition(":")[0]
    return ZooError(
        f"the task {name!r} comes from plugin {plugin}, which is not installed",
        hint=f"pip install {distribution}; without it, open_model(...).run(...) gives the outputs as they are",
    )
