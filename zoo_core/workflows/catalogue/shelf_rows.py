"""What `zoo list` shows of runs and exports, read from what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from zoo_core.records import metric_of
from zoo_core.registry import Zoo
from zoo_core.runtime.reading.own_words import own_words
from zoo_core.shelf import ShelfEntry, list_exports, list_runs

from .run_rows import run_fields


def shelf_rows(zoo: Zoo, kind: Literal["runs", "exports"]) -> list[dict[str, Any]]:
    """Rows `{name, kind, task, summary, plugin, source}`; `plugin` is the model's. Runs have `run_fields`, too.

    An export says its task itself. That of a run is its model's, and empty where nobody offers that model any more.
    """
    if kind == "runs":
        tasks = _tasks_of_models(zoo)
        entries = list_runs()
        fields = run_fields(entries)
        return [_run_row(entry, tasks) | more for entry, more in zip(entries, fields, strict=True)]
    return [_export_row(entry) for entry in list_exports()]


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


def _export_row(entry: ShelfEntry) -> dict[str, Any]:
    words = own_words(entry.path / "model.onnx")
    summary = _export_summary(entry.data, weights=_text(words, "weights"))
    return _row(entry, summary, task=_text(words, "task"), plugin=_text(words, "model_plugin"))


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


def _export_summary(data: Mapping[str, Any], *, weights: str) -> str:
    parts = [str(data.get("model", "?")), str(data.get("outcome", "?")), f"opset {data.get('opset', '?')}"]
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
