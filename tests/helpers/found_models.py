"""A small detector made with the onnx package: a box around each bright pixel, as many as there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model

from zoo_core import Preprocess, TensorSpec
from zoo_core.runtime.reading.metadata import Metadata

SIDE = 8


def bright_pixels(folder: Path, *, name: str = "stars", **changes: Any) -> Path:
    """An export `exported/NAME` that finds a "star" in each pixel above 0.2, as probable as it is bright; the file."""
    nodes = [
        helper.make_node("Greater", ["image", "least"], ["bright"]),
        helper.make_node("NonZero", ["bright"], ["places"]),
        helper.make_node("Transpose", ["places"], ["rows"], perm=[1, 0]),
        helper.make_node("Gather", ["rows", "corners"], ["whole"], axis=1),
        helper.make_node("Cast", ["whole"], ["low"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["low", "wide"], ["boxes"]),
        helper.make_node("GatherND", ["image", "rows"], ["scores"]),
        helper.make_node("Gather", ["rows", "first"], ["labels"], axis=1),
    ]
    stored = {
        "least": np.array(0.2, np.float32),
        "corners": np.array([3, 2, 3, 2], np.int64),
        "wide": np.array([0, 0, 1, 1], np.float32),
        "first": np.array(0, np.int64),
    }
    outputs = {"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")}
    model = graph_model(
        nodes,
        inputs=[helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        outputs=[
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["K", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["K"]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["K"]),
        ],
        tensors=[numpy_helper.from_array(array, key) for key, array in stored.items()],
    )
    fields: dict[str, Any] = {
        "task": "detection",
        "labels": ("star",),
        "inputs": {"image": TensorSpec(1, 1, SIDE, SIDE)},
        "outputs": outputs,
        "preprocess": Preprocess(resize=(SIDE, SIDE), interpolation="nearest", color="L"),
        "task_settings": {"threshold": 0.75},
        "opset": 20,
        **changes,
    }
    return write_model(folder / "exported" / name / "model.onnx", model, Metadata(name=name, **fields))
