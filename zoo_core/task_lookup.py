"""Tasks by name."""

from __future__ import annotations

from .offer_lookup import bundled_offer, find_offer, offering_plugin
from .task_spec import TaskSpec

_WITHOUT = "open_model(...).run(...) gives the outputs as they are"


def task_spec(name: str, *, plugin: str = "") -> TaskSpec:
    """The task of that name; `plugin`, `dist:entry`, is asked for one that is not bundled, else whoever offers it.

    Raises UsageError for a task that nobody offers, ZooError where its plugin is not installed or cannot be loaded.
    """
    return offered_task(name, plugin=plugin)[0]


def offered_task(name: str, *, plugin: str = "") -> tuple[TaskSpec, str]:
    """As `task_spec`, with the plugin that offers it, `dist:entry`; empty for a bundled task."""
    return find_offer("task", name, plugin=plugin, without=_WITHOUT)


def bundled_task(name: str) -> TaskSpec | None:
    """The zoo's own task of that name; None where it has none."""
    spec: TaskSpec | None = bundled_offer("task", name)
    return spec


def task_plugin(name: str) -> str:
    """The plugin that an exported file needs for its task, `dist:entry`; empty for a bundled one."""
    return offering_plugin("task", name)
