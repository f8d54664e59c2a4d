"""The JavaScript of "Try it", asked from Python: `site_modules.mjs` runs it in node, without npm."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from node_calls import ask_node
from numpy.typing import NDArray

import zoo_plugins.site.trying

FOLDER = Path(next(iter(zoo_plugins.site.trying.__path__)))
_ARRAYS = {"float32": "Float32Array", "float64": "Float64Array", "uint8": "Uint8Array"}


def call(module: str, function: str, *values: Any) -> dict[str, Any]:
    """A call of a function, for `ask`; arrays and bytes become typed arrays."""
    return {"module": module, "call": function, "with": [_sent(value) for value in values]}


def ask(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`{value}` or `{error}` for each call, all of them in one process."""
    return ask_node(Path(__file__).with_suffix(".mjs"), FOLDER, calls)


def tensors(outputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Outputs as a back-end gives them."""
    return {
        name: {"type": value.dtype.name, "dims": list(value.shape), "data": value} for name, value in outputs.items()
    }


def array_of(tensor: Mapping[str, Any]) -> NDArray[Any]:
    """A tensor that came back."""
    return np.array(tensor["data"], tensor["type"]).reshape(tensor["dims"])


def _sent(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"Uint8Array": base64.b64encode(value).decode()}
    if isinstance(value, np.ndarray):
        if value.dtype.name not in _ARRAYS:
            return value.ravel().tolist()
        return {_ARRAYS[value.dtype.name]: base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()}
    if isinstance(value, Mapping):
        return {key: _sent(one) for key, one in value.items()}
    return [_sent(one) for one in value] if isinstance(value, list | tuple) else value
