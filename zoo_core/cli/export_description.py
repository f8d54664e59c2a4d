"""How an export is shown to people by `zoo info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core.commands.next_step import use_of, verify_again
from zoo_core.options import typed_value
from zoo_core.records import counted
from zoo_core.shelf import find_export, model_file

from .description import listed, recipe_in_words, steps_of

_WIDTH = 12
_MOST_METRICS = 8


def export_description(found: Mapping[str, Any]) -> list[str]:
    """One line a fact: what it is, what goes in and how, what comes out, and where it comes from."""
    facts = [*_what(found), *_inputs(found), *_outputs(found), *_origin(found)]
    lines = [f"{key:<{_WIDTH}}{text}" for key, text in facts if text]
    return [f"{found['name']}: {found['summary']}", "", *lines]


def next_of_export(typed_name: str, found: Mapping[str, Any]) -> str:
    """Its use, where nothing speaks against it; else its check."""
    export = typed_name.removeprefix("export:")
    if found["verified"]["state"] == "verified":
        return use_of(export, found)
    return verify_again(export, model_file(find_export(export)))


def _what(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    verified = found["verified"]
    here = f"here on {verified['here']} UTC" if verified["here"] else "not yet on this machine"
    told = {
        "verified": f"yes, {here}",
        "doubtful": f"NO: {verified['remark']}",
        "unknown": f"{here}: a bare file, which has no report beside it",
    }
    return [
        ("kind", "export"),
        ("task", found["task"]),
        ("file", f"{found['file']}, {_size(found['bytes'])}, opset {found['opset']}"),
        ("verified", told[verified["state"]]),
    ]


def _inputs(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("input", _tensor(name, spec)) for name, spec in found["inputs"].items()]
    ends = [f"{axis} up to {size}" for axis, size in found["largest"].items()]
    facts.append(("axes", ", ".join([*_free(found), *ends])))
    facts.append(("read from", ", ".join(found["files"] or ())))
    if found["files"] is None:
        facts.append(("read from", "no files: a plugin that it needs is not installed"))
    if found["preprocess"]:
        inside = " (inside the file)" if found["baked"] else ""
        facts.append(("preprocess", "; ".join(steps_of(found["preprocess"])) + inside))
    return [*facts, *(("recipe", f"{name}: {recipe_in_words(recipe)}") for name, recipe in found["recipes"].items())]


def _outputs(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("output", _tensor(name, spec)) for name, spec in found["outputs"].items()]
    labels = found["labels"]
    facts.append(("labels", f"{len(labels)}: {listed(labels)}" if labels else ""))
    settings = [f"{key} {_value(value)}" for key, value in found["task_settings"].items()]
    return [*facts, ("settings", ", ".join(settings))]


def _origin(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    options = [f"{key}={typed_value(value)}" for key, value in found["options"].items()]
    dataset = found["dataset"] or {}
    metrics = [f"{key} {_value(value)}" for key, value in found["metrics"].items()]
    more = f", and {len(metrics) - _MOST_METRICS} more" if len(metrics) > _MOST_METRICS else ""
    return [
        ("model", f"{found['model']} ({found['plugin']}) {' '.join(options)}".replace(" ()", "").strip()),
        ("layer", found["layer"] or ""),
        ("run", found["run"] or ""),
        ("weights", "untrained" if found["untrained"] else found["weights"] or ""),
        ("dataset", f"{dataset.get('name', '')} ({dataset.get('plugin', '')})" if dataset else ""),
        ("metrics", ", ".join(metrics[:_MOST_METRICS]) + more),
        ("source", found["model_source"]),
        ("license", found["license"] or "not stated"),
        ("made with", ", ".join(f"{name} {version}" for name, version in found["versions"].items())),
    ]


def _tensor(name: str, spec: Mapping[str, Any]) -> str:
    low, high = spec.get("low"), spec.get("high")
    ends = f", {low if low is not None else '...'} to {high if high is not None else '...'}"
    return f"{name} ({', '.join(map(str, spec['axes']))}) {spec['dtype']}{'' if low is None and high is None else ends}"


def _free(found: Mapping[str, Any]) -> list[str]:
    """Which axes are free, so that a letter in a shape is no riddle."""
    axes = [axis for spec in found["inputs"].values() for axis in spec["axes"] if isinstance(axis, str)]
    letters = dict.fromkeys(axis.split("*")[-1] for axis in axes)
    return [f"{' and '.join(letters)} {'is' if len(letters) == 1 else 'are'} free"] if letters else []


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else typed_value(value)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else counted(count, "byte")
