"""What `zoo list` shows of runs and exports, read from what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.file_limits import MAX_COMPARED_BYTES
from zoo_core.records import metric_of
from zoo_core.registry import Zoo
from zoo_core.runtime.reading.model_digests import changed_files, model_digests, size_of
from zoo_core.runtime.reading.own_words import own_words
from zoo_core.shelf import ShelfEntry, list_exports, list_runs

from .run_rows import run_fields

NOT_COMPARED = "not compared"
UNKNOWN = "unknown"
_STATES = {
    UNKNOWN: f"unknown ({REPORT_FILE} is damaged)",
    "changed": "CHANGED since it was verified",
    NOT_COMPARED: "verified when it was exported (too large to compare here)",
}
"""How a state is told to people, where it is not told as it is."""


def shelf_rows(zoo: Zoo, kind: Literal["runs", "exports"]) -> list[dict[str, Any]]:
    """Rows `{name, kind, task, summary, plugin, source}`; `plugin` is the model's. Runs have `run_fields`, too.

    An export says its task itself. That of a run is its model's, and empty where nobody offers that model any more.
    An export has a `state`: `verified`, `changed` since, `not compared` for one that is too large for a list,
    `unknown` where its report is missing or damaged, or the outcome that its report gives.
    """
    if kind == "runs":
        tasks = _tasks_of_models(zoo)
        entries = list_runs()
        fields = run_fields(entries)
        return [_run_row(entry, tasks) | more for entry, more in zip(entries, fields, strict=True)]
    exports = list_exports()
    states = _states(exports)
    return [_export_row(entry, states[entry.name]) for entry in exports]


def _tasks_of_models(zoo: Zoo) -> dict[tuple[str, str], str]:
    """Tasks by plugin and name, old names included: those of a record are as old as the record."""
    return {
        (entry.plugin, name): entry.task
        for entry in zoo.entries("model")
        for name in (*entry.data.get("aliases", ()), entry.name)
    }


def _run_row(entry: ShelfEntry, tasks: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    data = entry.data
    plugin = _text(data, "model_plugin")
    return _row(entry, _run_summary(data), task=tasks.get((plugin, _text(data, "model")), ""), plugin=plugin)


def _states(exports: Sequence[ShelfEntry]) -> dict[str, str]:
    """What there is to say of each file: the word of its report, where the file is still the one that it is about."""
    digests = {entry.name: model_digests(entry.data) for entry in exports}
    sizes = {entry.name: size_of(entry.path, digests[entry.name]) for entry in exports}
    states: dict[str, str] = {}
    left = MAX_COMPARED_BYTES
    for entry in sorted(exports, key=lambda entry: sizes[entry.name]):
        left -= sizes[entry.name]
        states[entry.name] = _state(entry, digests[entry.name], compared=left >= 0)
    return states


def _state(entry: ShelfEntry, digests: Mapping[str, str], *, compared: bool) -> str:
    outcome = _text(entry.data, "outcome")
    if outcome != "verified":
        return outcome or UNKNOWN
    if MODEL_FILE not in digests:
        return UNKNOWN
    if not compared:
        return NOT_COMPARED
    return "changed" if changed_files(entry.path, digests) else outcome


def _export_row(entry: ShelfEntry, state: str) -> dict[str, Any]:
    words = own_words(entry.path / MODEL_FILE)
    summary = _export_summary(entry.data, state, weights=_text(words, "weights"))
    return _row(entry, summary, task=_text(words, "task"), plugin=_text(words, "model_plugin")) | {"state": state}


def _row(entry: ShelfEntry, summary: str, *, task: str, plugin: str) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "task": task,
        "summary": entry.problem or summary,
        "plugin": plugin,
        "source": str(entry.path),
    }


def _run_summary(data: Mapping[str, Any]) -> str:
    parts = [f"{data.get('model', '?')} on {data.get('dataset', '?')}", str(data.get("status", ""))]
    metric = metric_of(data)
    for split in ("test", "validation"):
        metrics = data.get(split)
        if isinstance(metrics, dict) and isinstance(metrics.get(metric), int | float):
            parts.append(f"{split} {metric} {metrics[metric]:.4f}")
            break
    return ", ".join(filter(None, parts))


def _export_summary(data: Mapping[str, Any], state: str, *, weights: str) -> str:
    told = _STATES.get(state, state)
    parts = [str(data.get("model", "?")), told, f"opset {data.get('opset', '?')}"]
    if data.get("run"):
        parts.append(f"run {data['run']}")
    elif data.get("untrained"):
        parts.append("untrained")
    elif weights:  # none where they came from a file, or where the model has nothing to train
        parts.append(f"weights {weights}")
    return ", ".join(parts)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
