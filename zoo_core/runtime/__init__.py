"""Open, vet and run an exported file: numpy, onnxruntime and Pillow only.

`reading/` gets data out of a file that nobody trusts, `vetting/` refuses what would harm, `running/` puts the rest to
work. Open `running/model.py` first: `open_model`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reading.metadata import Metadata
    from .reading.wire import OnnxFile, read_onnx
    from .running.model import ExportedModel, open_model
    from .vetting.vet import vet

_WHERE = {
    "ExportedModel": "running.model",
    "Metadata": "reading.metadata",
    "OnnxFile": "reading.wire",
    "open_model": "running.model",
    "read_onnx": "reading.wire",
    "vet": "vetting.vet",
}

__all__ = ["ExportedModel", "Metadata", "OnnxFile", "open_model", "read_onnx", "vet"]


def __getattr__(name: str) -> Any:
    # Reading a file needs neither Pillow nor the tasks, which running it does.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
