"""The exports that foreign readers are given, made by the zoo, and what onnxruntime computes from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from checking import plan_of
from foreign_tensors import Arrays
from healthy_models import Tagger
from onnx import numpy_helper
from torch import nn
from warm import run_to_success

from zoo_core import TensorSpec
from zoo_core.export.bundle import export

TOKENS = 50

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "classifier": ("lenet5",),
    "segmentation": ("unet", "-o", "base_channels=8"),
    "sequence": ("unet1d",),
    "filter": ("filter-sobel",),
    "detector": (
        "torchvision/fasterrcnn_mobilenet_v3_large_320_fpn",
        *("-o", "height=96", "-o", "width=128", "-o", "detections=20", "-o", "proposals=50"),
    ),
    "baked": ("digits", "--bake-preprocess", "--with-probabilities"),
}
"""What `zoo export` is given for each."""

TRAINED: Mapping[str, tuple[str, ...]] = {
    "baked": ("lenet5", "--dataset", "digits", "--epochs", "1", "--run", "digits"),
}
"""What `zoo train` is given before: how pictures are prepared comes with a dataset."""

MODULES: Mapping[str, tuple[Callable[[], nn.Module], Mapping[str, TensorSpec], Mapping[str, TensorSpec]]] = {
    "recurrent": (Tagger, {"x": TensorSpec("N", "L", 4)}, {"tags": TensorSpec("N", "L", 3)}),
    "tokens": (
        lambda: nn.Sequential(nn.Embedding(TOKENS, 8), nn.Linear(8, 5)),
        {"tokens": TensorSpec("N", "L", dtype="int64", low=0, high=TOKENS)},
        {"tags": TensorSpec("N", "L", 5)},
    ),
}
"""Modules of the tests, with inputs and outputs, for what no bundled plugin offers."""

ANOTHER_SIZE: Mapping[str, tuple[int, ...]] = {
    "classifier": (5, 1, 28, 28),
    "segmentation": (2, 3, 48, 32),
    "sequence": (2, 1, 50),
    "recurrent": (4, 23, 4),
    "tokens": (4, 23),
    "filter": (2, 1, 33, 41),
    "baked": (2, 33, 41, 3),
}
"""The shape of the one input, with other sizes than the test vectors' on every free axis; the detector has none."""


def export_for_readers(name: str, folder: Path) -> None:
    """Export the file of that name (`foreign_readers.FILES`) to `folder/NAME`. Weights are fresh, but in TRAINED."""
    if name in TRAINED:
        run_to_success("train", *TRAINED[name], cwd=folder)
    if name in COMMANDS:
        run_to_success("export", *COMMANDS[name], "--to", name, cwd=folder)
        return
    module, inputs, outputs = MODULES[name]
    export(plan_of(module, inputs=inputs, outputs=outputs), folder / name)


def cases_of(name: str, bundle: Path) -> list[tuple[Arrays, Arrays]]:
    """Inputs, and onnxruntime's outputs: of the test vectors beside the file, and of another size where one is free."""
    session = onnxruntime.InferenceSession(bundle / "model.onnx", providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    vector = onnx.TensorProto.FromString((bundle / "test_data_set_0" / "input_0.pb").read_bytes())
    inputs = [numpy_helper.to_array(vector)]
    if name in ANOTHER_SIZE:
        low, high = {"i": (0, TOKENS), "u": (0, 256)}.get(inputs[0].dtype.kind, (-1, 1))
        inputs.append(np.random.default_rng(0).uniform(low, high, ANOTHER_SIZE[name]).astype(inputs[0].dtype))
    names = [output.name for output in session.get_outputs()]
    runs = [session.run(names, {entry.name: value}) for value in inputs]
    return [({entry.name: value}, dict(zip(names, run, strict=True))) for value, run in zip(inputs, runs, strict=True)]
