"""One row of the index: what can be searched, filtered and sorted, as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .exhibits import Damaged, Exhibit

_COUNTED = {"float16", "bfloat16", "float32", "float64", "int8", "uint8", "int4", "uint4"}


def row_of(exhibit: Exhibit) -> dict[str, Any]:
    """What `zoo list exports --json` says, with paths of the site, and what one may look for; null where unknown."""
    words = exhibit.metadata
    return {
        "name": exhibit.name,
        "kind": "export",
        "task": text(words, "task"),
        "summary": summary_of(exhibit),
        "plugin": text(words, "model_plugin"),
        "source": page_of(exhibit.name),
        "state": exhibit.state,
        "error": None,
        "license": text(words, "license"),
        "model": text(words, "model"),
        "dataset": dataset_of(words),
        "metric": metric_of(words),
        "trained": not words.get("untrained", False),
        "parameters": parameters_of(exhibit),
        "bytes": sum(each.bytes for each in exhibit.files if each.name.startswith("model.onnx")),
        "opset": exhibit.file.opsets.get("", 0),
        "floors": floors_of(exhibit.report),
        "mutation_score": mutation_score_of(exhibit.mutants),
        "latency": latency_of(exhibit.bench),
        "report": dict(exhibit.report) or None,
    }


def damaged_row(damaged: Damaged) -> dict[str, Any]:
    """The row of an export that has no page."""
    return {"name": damaged.name, "kind": "export", "task": "", "state": "damaged", "error": damaged.told}


def page_of(name: str) -> str:
    """Where the page of an export is, as an address below the site."""
    return f"models/{quote(name.encode(errors='surrogateescape'), safe='')}/"


def text(data: Mapping[str, Any], key: str) -> str:
    """A field that ought to be a text; empty where it is another thing."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def rows_in(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list; empty where there is no list."""
    value = data.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def mapping_in(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object within an object; empty where there is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def dataset_of(metadata: Mapping[str, Any]) -> str:
    """The name of what it was trained on; empty where that is not known."""
    return text(mapping_in(metadata, "dataset"), "name")


def metric_of(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The metric that stands for the others: the first that is no loss, of the test part where there is one."""
    metrics = mapping_in(metadata, "metrics")
    told = {name: value for name, each in metrics.items() if (value := number(each)) is not None}
    in_order = sorted(told, key=lambda name: (name.endswith("loss"), not name.startswith("test ")))
    return {"name": in_order[0], "value": told[in_order[0]]} if in_order else None


def summary_of(exhibit: Exhibit) -> str:
    """What it is in a few words."""
    words = exhibit.metadata
    model, dataset = text(words, "model") or exhibit.name, dataset_of(words)
    if words.get("untrained", False):
        return f"{model}, untrained"
    if text(words, "weights"):
        return f"{model}, weights {text(words, 'weights')}"
    return f"{model}, trained on {dataset}" if dataset else model


def parameters_of(exhibit: Exhibit) -> int:
    """How many numbers of weights the file holds."""
    stored = exhibit.file.initializers.values()
    return sum(math.prod(each.shape) for each in stored if str(each.dtype) in _COUNTED)


def floors_of(report: Mapping[str, Any]) -> float | None:
    """The largest error of its outputs, in multiples of PyTorch's own rounding noise."""
    found = [floors for each in rows_in(report, "outputs") if (floors := number(each.get("floors"))) is not None]
    return max(found, default=None)


def mutation_score_of(mutants: Mapping[str, Any]) -> float | None:
    """The part of planted faults that its check has seen, of those that make a difference."""
    counts = mapping_in(mutants, "mutants") or mutants
    killed, survived = number(counts.get("killed")), number(counts.get("survived"))
    return None if killed is None or survived is None or not killed + survived else killed / (killed + survived)


def latency_of(bench: Mapping[str, Any]) -> dict[str, Any] | None:
    """The quickest engine with right answers, of a single row: the median in seconds, and on which machine."""
    found = []
    for each in rows_in(bench, "rows"):
        seconds = number(each.get("p50_s"))
        if seconds is not None and each.get("batch") == 1 and mapping_in(each, "answers").get("right") is True:
            found.append((seconds, text(each, "engine"), number(each.get("threads"))))
    if not found:
        return None
    seconds, engine, threads = min(found, key=lambda each: each[0])
    return {"seconds": seconds, "engine": engine, "threads": threads, "machine": text(bench, "machine")}
