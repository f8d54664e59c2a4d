"""What `zoo info` shows of an export: what its file and its report say, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import REPORT_FILE
from zoo_core.errors import ZooError
from zoo_core.files import read_json
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.for_use import metadata_for_use
from zoo_core.runtime.vetting.known import files_beside, known_since
from zoo_core.runtime.vetting.published import remark_on
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shelf import model_file
from zoo_core.workflows.answers.readable import files_read


def describe_export(path: Path) -> dict[str, Any]:
    """An export, its folder or the bare file, as plain JSON.

    `verified` says how much that word is worth: `state` is `verified`, `unknown` for a bare file that this machine has
    not verified, or `doubtful` with a `remark`; `here` is when this machine has verified or exported these very bytes,
    in UTC, None for never. `files`: how the names of the files end that `zoo predict` reads, None where a plugin that
    it needs is not installed. Raises as `open_model` for a file that could not be opened.
    """
    file = vet(model_file(path))
    metadata = metadata_for_use(file)
    beside = sorted(files_beside(file))
    return {
        "name": metadata.name,
        "kind": "export",
        "task": metadata.task,
        "summary": _summary(metadata),
        "plugin": metadata.model_plugin,
        "source": str(path),
        "license": metadata.license,
        "file": str(file.path),
        "bytes": file.size + sum(file.path.with_name(name).stat().st_size for name in beside),
        "opset": metadata.opset,
        "verified": _verified(file),
        **_use(metadata),
        **_origin(metadata),
    }


def _use(metadata: Metadata) -> dict[str, Any]:
    """What goes in, and how files become that; what comes out, and what it means."""
    return {
        "inputs": {name: spec.to_json() for name, spec in metadata.inputs.items()},
        "largest": dict(metadata.largest),
        "files": _files(metadata),
        "preprocess": None if metadata.preprocess is None else metadata.preprocess.to_json(),
        "baked": metadata.baked,
        "recipes": {name: recipe.to_json() for name, recipe in metadata.recipes.items()},
        "outputs": {name: spec.to_json() for name, spec in metadata.outputs.items()},
        "labels": list(metadata.labels),
        "task_settings": dict(metadata.task_settings),
    }


def _origin(metadata: Metadata) -> dict[str, Any]:
    """What it was made of, and with what."""
    return {
        "model": metadata.model,
        "model_source": metadata.source,
        "options": dict(metadata.options),
        "layer": metadata.layer,
        "run": metadata.run,
        "weights": metadata.weights,
        "untrained": metadata.untrained,
        "dataset": metadata.dataset,
        "metrics": dict(metadata.metrics),
        "versions": dict(metadata.versions),
    }


def _summary(metadata: Metadata) -> str:
    model = metadata.model or "a model"
    part = f"the part {metadata.layer} of {model}" if metadata.layer else model
    if metadata.untrained:
        return f"{part}, untrained"
    dataset = (metadata.dataset or {}).get("name")
    return f"{part}, trained on {dataset}" if isinstance(dataset, str) else part


def _verified(file: OnnxFile) -> dict[str, Any]:
    remark, here = remark_on(file), known_since(file)
    report = _report(file)
    state = "doubtful" if remark else "verified" if here or report.get("outcome") == "verified" else "unknown"
    return {"state": state, "here": here, "remark": remark}


def _report(file: OnnxFile) -> Mapping[str, Any]:
    try:
        return read_json(file.path.with_name(REPORT_FILE), what="the report", within=file.path.parent)
    except ZooError:
        return {}  # what that means is told as a remark


def _files(metadata: Metadata) -> list[str] | None:
    try:
        return list(files_read(metadata)[0])
    except ZooError:
        return None
