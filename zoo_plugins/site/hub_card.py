"""The card of an export with the metadata that hubs of models read, as Hugging Face's does.

It is a file of its own: README.md is one of those whose hash stands in the report.
"""

from __future__ import annotations

import json
from typing import Any

from .exhibits import Exhibit
from .facts import dataset_of, mapping_in, number, text

FILE = "README.hub.md"
_PIPELINES = {
    "image-classification": "image-classification",
    "binary-classification": "image-classification",
    "multilabel-classification": "image-classification",
    "video-classification": "video-classification",
    "audio-classification": "audio-classification",
    "text-classification": "text-classification",
    "table-classification": "tabular-classification",
    "regression": "tabular-regression",
    "semantic-segmentation": "image-segmentation",
    "instance-segmentation": "image-segmentation",
    "detection": "object-detection",
    "keypoints": "keypoint-detection",
    "image-to-image": "image-to-image",
    "embedding": "image-feature-extraction",
}
"""What a hub calls a task."""


def hub_card(exhibit: Exhibit) -> str:
    """The card, with its metadata before it: YAML whose values are written as JSON."""
    words = exhibit.metadata
    pipeline = _PIPELINES.get(text(words, "task"), "")
    license_name = text(words, "license").lower()
    data: dict[str, Any] = {"license": license_name} if license_name else {}
    data |= {"library_name": "onnx", "tags": ["onnx", text(words, "task")]}
    data |= {"pipeline_tag": pipeline} if pipeline else {}
    results = _results(exhibit, pipeline)
    data |= {"model-index": [{"name": exhibit.name, "results": results}]} if results else {}
    lines = [f"{key}: {json.dumps(value)}" for key, value in data.items()]
    return "\n".join(["---", *lines, "---", "", exhibit.card])


def _results(exhibit: Exhibit, pipeline: str) -> list[dict[str, Any]]:
    """The metrics of each part of its dataset."""
    dataset = dataset_of(exhibit.metadata)
    parts: dict[str, list[dict[str, Any]]] = {}
    for name, value in mapping_in(exhibit.metadata, "metrics").items():
        part, _, metric = str(name).partition(" ")
        if metric and number(value) is not None:
            parts.setdefault(part, []).append({"type": metric, "name": str(name), "value": value})
    if not dataset or not pipeline:
        return []
    return [
        {"task": {"type": pipeline}, "dataset": {"name": dataset, "type": dataset, "split": part}, "metrics": metrics}
        for part, metrics in parts.items()
    ]
