"""Open, vet and run an exported file: numpy, onnxruntime and Pillow only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .metadata import Metadata
    from .model import ExportedModel, open_model
    from .vet import vet
    from .wire import OnnxFile, read_onnx

_WHERE = {
    "ExportedModel": "model",
    "Metadata": "metadata",
    "OnnxFile": "wire",
    "open_model": "model",
    "read_onnx": "wire",
    "vet": "vet",
}

__all__ = ["ExportedModel", "Metadata", "OnnxFile", "open_model", "read_onnx", "vet"]


def __getattr__(name: str) -> Any:
    # Reading a file needs neither Pillow nor the tasks, which running it does.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
