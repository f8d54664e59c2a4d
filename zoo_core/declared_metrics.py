"""What a task measures is held against what its spec names: runs are chosen, drawn and listed by these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .plugin_faults import code_of, wrong_result

if TYPE_CHECKING:
    from .tasks import Tally, Task


def fault_of_metrics(found: Mapping[str, float], task: Task) -> str:
    """Why metrics are not those that the spec of the task names; empty where they are. It may name more of them, for
    data that have them."""
    spec = task.spec
    if spec.selection not in found:
        return f"it picks the best epoch by {spec.selection!r}, and measures {', '.join(found) or 'nothing'}"
    if unknown := sorted(set(found) - set(spec.metrics)):
        return f"it measures {unknown[0]!r}, which its spec does not name: that has {', '.join(spec.metrics)}"
    if task.has_loss and "loss" not in found:
        return "it does not measure 'loss'"
    return ""


def check_metrics(found: Mapping[str, float], task: Task, *, tally: Tally, plugin: str) -> None:
    """Raise ZooError, with the line of `tally.metrics`, where the task of a plugin gives others than its spec names.

    `plugin` is empty for a bundled task, which does not.
    """
    if plugin and (fault := fault_of_metrics(found, task)):
        where = f"task {task.name} of plugin {plugin}, in metrics"
        raise wrong_result(where, fault, plugin=plugin, code=code_of(tally.metrics))
