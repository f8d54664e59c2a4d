"""Small exports that take numbers of any shape and dtype, made with the onnx package."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model

from zoo_core import TensorSpec
from zoo_core.runtime.reading.metadata import Metadata

_KINDS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "bool": TensorProto.BOOL,
}


def mean_sign(
    folder: Path, *axes: int | str, name: str = "signs", dtype: str = "float32", classes: int | str = 2, **changes: Any
) -> Path:
    """An export `exported/NAME` that says "high" where the mean of a sample is above 0, else "low"; the .onnx file.

    `classes`: how many it says that it tells apart.
    """
    shape = ["N", *axes]
    nodes = [
        helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["real", "flat"], ["rows"]),
        helper.make_node("ReduceMean", ["rows", "last"], ["mean"], keepdims=1),
        helper.make_node("MatMul", ["mean", "signs"], ["logits"]),
    ]
    tensors = {
        "flat": np.array([0, -1], np.int64),
        "last": np.array([1], np.int64),
        "signs": np.array([[-1, 1]], np.float32),
    }
    model = graph_model(
        nodes,
        inputs=[helper.make_tensor_value_info("x", _KINDS[dtype], shape)],
        outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
        tensors=[numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    metadata = Metadata(
        name=name,
        task="image-classification",
        labels=("low", "high"),
        inputs={"x": TensorSpec(*shape, dtype=dtype)},
        outputs={"logits": TensorSpec("N", classes)},
        opset=20,
    )
    metadata = dataclasses.replace(metadata, **changes)
    return write_model(folder / "exported" / name / "model.onnx", model, metadata)


def two_means(folder: Path, *axes: int | str, name: str = "pairs", **changes: Any) -> Path:
    """An export that says "high" where the mean of `a` is above that of `b`, else "low"; the .onnx file."""
    shape = ["N", *axes]
    nodes = [
        helper.make_node("Sub", ["a", "b"], ["difference"]),
        helper.make_node("Reshape", ["difference", "flat"], ["rows"]),
        helper.make_node("ReduceMean", ["rows", "last"], ["mean"], keepdims=1),
        helper.make_node("MatMul", ["mean", "signs"], ["logits"]),
    ]
    tensors = {
        "flat": np.array([0, -1], np.int64),
        "last": np.array([1], np.int64),
        "signs": np.array([[-1, 1]], np.float32),
    }
    model = graph_model(
        nodes,
        inputs=[helper.make_tensor_value_info(each, TensorProto.FLOAT, shape) for each in "ab"],
        outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        tensors=[numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    metadata = Metadata(
        name=name,
        task="image-classification",
        labels=("low", "high"),
        inputs=dict.fromkeys("ab", TensorSpec(*shape)),
        outputs={"logits": TensorSpec("N", 2)},
        opset=20,
    )
    metadata = dataclasses.replace(metadata, **changes)
    return write_model(folder / "exported" / name / "model.onnx", model, metadata)
