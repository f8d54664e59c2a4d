"""Arrays of every type, and ONNX files read back from the disk."""

from __future__ import annotations

from pathlib import Path

import onnx

from zoo_core.runtime.reading import wire


def read(model: onnx.ModelProto | bytes, path: Path) -> wire.OnnxFile:
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return wire.read_onnx(path)
