"""Small real ONNX classifiers for tests, made with the onnx package and described by our metadata."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zoo_core import Preprocess, TensorSpec, open_zoo
from zoo_core.data import bind_dataset
from zoo_core.errors import ZooError
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.vetting.known import remember
from zoo_core.runtime.vetting.vet import vet

LABELS = ("dark", "middle", "bright")
GREY = Preprocess(resize=(4, 4), color="L", mean=(0.5,), std=(0.5,))


def brightness_metadata(**changes: Any) -> Metadata:
    """Metadata for `brightness_model`: grey pictures of 4 by 4, three labels."""
    metadata = Metadata(
        name="brightness",
        task="image-classification",
        labels=LABELS,
        inputs={"image": TensorSpec("N", 1, 4, 4)},
        outputs={"logits": TensorSpec("N", len(LABELS))},
        preprocess=GREY,
        model="brightness",
        model_plugin="zoo-tests:brightness",
        opset=20,
    )
    return dataclasses.replace(metadata, **changes)


def brightness_model(
    *,
    batch: int | str = "N",
    classes: int = 3,
    side: int | str = 4,
    opset: int = 20,
    seed: int | None = None,
) -> onnx.ModelProto:
    """A classifier by mean brightness; with a `seed`, a linear layer of random weights instead."""
    pixels = side * side if isinstance(side, int) else 0
    if seed is None:
        nodes = [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
            helper.make_node("Mul", ["column", "slope"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["logits"]),
        ]
        stored = {
            "axes": np.array([1, 2, 3], np.int64),
            "last": np.array([1], np.int64),
            "slope": np.linspace(-8, 8, classes, dtype=np.float32)[None],
            "bias": -4 * np.abs(np.linspace(-1, 1, classes, dtype=np.float32))[None],
        }
    else:
        weight = np.random.default_rng(seed).normal(size=(pixels, classes)).astype(np.float32)
        nodes = [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
        ]
        stored = {"weight": weight}
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    return helper.make_model(
        graph, producer_name="zoo-tests", ir_version=10, opset_imports=[helper.make_opsetid("", opset)]
    )


def write_model(
    path: Path, model: onnx.ModelProto, metadata: Metadata | str | None = None, *, known: bool = True
) -> Path:
    """Write the file, with metadata (an object, or the text itself) under our key.

    `known`: as one that was exported here, so that it runs in the process that opens it; what cannot be read is not.
    """
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else metadata.to_json()
        helper.set_model_props(model, {"zoo": text})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    if known:
        with contextlib.suppress(ZooError):
            remember(vet(path))
    return path


def write_brightness(folder: Path, *, name: str = "brightness", **changes: Any) -> Path:
    """An export folder `exported/NAME` in `folder`, as `zoo export` lays it out; returns the .onnx file."""
    metadata = brightness_metadata(name=name, **changes)
    return write_model(folder / "exported" / name / "model.onnx", brightness_model(), metadata)


def graph_model(
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Sequence[onnx.ValueInfoProto] = (),
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    tensors: Sequence[onnx.TensorProto] = (),
    opset: int = 20,
    change: Callable[[onnx.ModelProto], None] | None = None,
) -> onnx.ModelProto:
    """A model of any nodes; its output is `y`, a float tensor of unknown shape, unless `outputs` are given."""
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", list(inputs), list([y] if outputs is None else outputs), list(tensors))
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
    if change is not None:
        change(model)
    return model


def write_digits(folder: Path, *, name: str = "linear-digits", **changes: Any) -> Path:
    """An export of a real linear classifier of the digits: least squares on their training part."""
    bound = bind_dataset(open_zoo().dataset("digits"), {})
    train = bound.load("train")
    pixels = train.batch(slice(0, len(train))).reshape(len(train), -1).astype(np.float64)
    extended = np.hstack([pixels, np.ones((len(train), 1))])
    wanted = np.eye(len(train.classes))[train.targets]
    weights = np.linalg.solve(extended.T @ extended + 10 * np.eye(extended.shape[1]), extended.T @ wanted) * 10
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
        ],
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        [
            numpy_helper.from_array(weights[:-1].astype(np.float32), "weight"),
            numpy_helper.from_array(weights[-1].astype(np.float32), "bias"),
        ],
    )
    metadata = Metadata(
        name=name,
        task="image-classification",
        labels=train.classes,
        inputs={"image": TensorSpec("N", 1, 28, 28)},
        outputs={"logits": TensorSpec("N", 10)},
        preprocess=bound.preprocess,
        dataset={"name": "digits", "plugin": bound.plugin, "options": {}, "fingerprint": train.fingerprint},
        opset=20,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return write_model(folder / "exported" / name / "model.onnx", model, dataclasses.replace(metadata, **changes))
