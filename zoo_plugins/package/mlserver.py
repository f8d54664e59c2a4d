"""A model of MLServer: an export and `model-settings.json`, for the runtime in `mlserver_runtime.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core import TensorSpec

from .contents import MODEL, Contents
from .datatypes import NAMES
from .folders import new_folder, write

EXPORT = "export"
"""A folder for the export alone, which stays as it was published."""
SETTINGS = "model-settings.json"
RUNTIME = "zoo_plugins.package.mlserver_runtime.ZooRuntime"


def write_mlserver(contents: Contents, models: Path, *, version: int, batch: int, delay: float) -> Path:
    """Write the model into a folder of models; its folder there.

    `batch`: rows that MLServer puts together at most, and `delay` the milliseconds that it waits for them, where rows
    are independent. Raises UsageError where the folder has a model of that name.
    """
    target = models / contents.name
    with new_folder(target) as folder:
        for name in contents.files:
            write(folder / EXPORT / contents.stored_name(name), contents.pieces(name))
        settings = _settings(contents, version=version, batch=batch, delay=delay)
        write(folder / SETTINGS, [(json.dumps(settings, indent=2) + "\n").encode()])
    return target


def _settings(contents: Contents, *, version: int, batch: int, delay: float) -> dict[str, Any]:
    metadata = contents.metadata
    found: dict[str, Any] = {
        "name": contents.name,
        "implementation": RUNTIME,
        "platform": "onnx_onnxv1",
        "inputs": tensors(metadata.inputs),
        "outputs": tensors(metadata.outputs),
        "parameters": {"uri": f"./{EXPORT}/{MODEL}", "version": str(version)},
    }
    if (most := contents.rows_together(batch)) > 1:
        found |= {"max_batch_size": most, "max_batch_time": delay / 1000}
    return found


def tensors(specs: Mapping[str, TensorSpec]) -> list[dict[str, Any]]:
    """Inputs or outputs as the protocol's metadata has them; a free axis is -1."""
    return [
        {
            "name": name,
            "datatype": NAMES[spec.dtype],
            "shape": [axis if isinstance(axis, int) else -1 for axis in spec.axes],
        }
        for name, spec in specs.items()
    ]
