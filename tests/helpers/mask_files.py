"""Small exports that answer with masks, sequences, pictures and arrays, made with the onnx package."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_files import write_model

from zoo_core import Preprocess, TensorSpec
from zoo_core.runtime.reading.metadata import Metadata

BRIGHT = np.array([[[[8.0]]]], np.float32)
"""One logit, 8 * x - 4: above the middle of 0 to 1."""


def convolution(
    folder: Path,
    *,
    name: str,
    weight: np.ndarray,
    bias: float = 0.0,
    sizes: tuple[int | str, ...] = ("H", "W"),
    **changes: Any,
) -> Path:
    """An export `exported/NAME` of one convolution without padding, over (N, channels, *sizes); the .onnx file."""
    outputs, channels, *kernel = weight.shape
    after = [
        size - side + 1 if isinstance(size, int) else (f"{size}-{side - 1}" if side > 1 else size)
        for size, side in zip(sizes, kernel, strict=True)
    ]
    biases = np.full(outputs, bias, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "weight", "bias"], ["logits"])],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", channels, *sizes])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", outputs, *after])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(biases, "bias")],
    )
    metadata = Metadata(
        name=name,
        task="semantic-segmentation",
        inputs={"x": TensorSpec("N", channels, *sizes)},
        outputs={"logits": TensorSpec("N", outputs, *after)},
        labels=("ground", "light") if outputs == 1 else (),
        preprocess=Preprocess(color="L") if len(kernel) == 2 else None,
        opset=20,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return write_model(folder / "exported" / name / "model.onnx", model, dataclasses.replace(metadata, **changes))


def light_mask(folder: Path, *, side: int = 8, name: str = "light", **changes: Any) -> Path:
    """Masks of what is bright in grey pictures, which are resized to `side`."""
    recipe = changes.pop("preprocess", Preprocess(resize=(side, side), color="L", interpolation="nearest"))
    return convolution(folder, name=name, weight=BRIGHT, bias=-4, sizes=(side, side), preprocess=recipe, **changes)


def high_sequence(folder: Path, *, channels: int = 1, name: str = "high", **changes: Any) -> Path:
    """Masks of where the first channel of a sequence is above 0.5."""
    weight = np.zeros((1, channels, 1), np.float32)
    weight[0, 0] = 8
    sizes = changes.pop("sizes", ("L",))
    task = "sequence-segmentation"
    return convolution(folder, name=name, weight=weight, bias=-4, sizes=sizes, task=task, **changes)


def filter_bank(folder: Path, weight: np.ndarray, *, name: str = "filter", **changes: Any) -> Path:
    """Filters for grey pictures of any size."""
    return convolution(folder, name=name, weight=weight.astype(np.float32), task="image-filter", labels=(), **changes)


def two_outputs(folder: Path, *, name: str = "both") -> Path:
    """Two outputs for grey pictures of any size, the picture itself and its opposite; the .onnx file."""
    shape = ["N", 1, "H", "W"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["same"]), helper.make_node("Neg", ["x"], ["opposite"])],
        "both",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape) for output in ("same", "opposite")],
    )
    metadata = Metadata(
        name=name,
        task="features",
        inputs={"x": TensorSpec(*shape)},
        outputs={output: TensorSpec(*shape) for output in ("same", "opposite")},
        preprocess=Preprocess(color="L"),
        opset=20,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return write_model(folder / "exported" / name / "model.onnx", model, metadata)
