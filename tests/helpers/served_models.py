"""Exports that PyTorch has no part in, with self-tests: one that takes as long as it is asked to, and a filter."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper
from onnx_files import write_model

from zoo_core import Preprocess, TensorSpec
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.verification.expect.self_test import input_draws, self_test_inputs

FOR_EVER = 10**12
A_WHILE = 200_000
"""About a tenth of a second, or a few of them."""


def write_slow(path: Path, *, known: bool = False, least: int = 0) -> Path:
    """One that counts to the largest of its inputs, and doubles each of them.

    Its input is `times`, its output `double`; its self-test counts to `least` and a bit.
    """
    draw = input_draws({"times": (3,)}, ranges={"times": (least, least + 100)}, dtypes={"times": "int64"}, seed=1)
    doubled = [2.0 * value for value in self_test_inputs(draw)["times"].tolist()]
    expected = {"shape": [3], "positions": [0, 1, 2], "expected": doubled, "bound": 0.5, "floor": 0.1}
    metadata = Metadata(
        name="slow",
        task="features",
        inputs={"times": TensorSpec("N", dtype="int64", low=0, high=float(2**41))},
        outputs={"double": TensorSpec("N")},
        opset=20,
        self_test={**draw, "outputs": {"double": expected}},
    )
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Add", ["counted", "step"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("counted", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.INT64, []),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["times"], ["most"], keepdims=0),
            helper.make_node("Loop", ["most", "", "zero"], ["total"], body=body),
            helper.make_node("Sub", ["total", "most"], ["nothing"]),
            helper.make_node("Add", ["times", "times"], ["twice"]),
            helper.make_node("Add", ["twice", "nothing"], ["sum"]),
            helper.make_node("Cast", ["sum"], ["double"], to=TensorProto.FLOAT),
        ],
        "slow",
        [helper.make_tensor_value_info("times", TensorProto.INT64, ["N"])],
        [helper.make_tensor_value_info("double", TensorProto.FLOAT, ["N"])],
        [
            helper.make_tensor("zero", TensorProto.INT64, [], [0]),
            helper.make_tensor("step", TensorProto.INT64, [], [1]),
        ],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return write_model(path, model, metadata, known=known)


def write_filter(path: Path) -> Path:
    """One that makes grey pictures of 4 by 4 half as bright."""
    draw = input_draws({"image": (2, 1, 4, 4)}, ranges={"image": (0, 1)}, dtypes={"image": "float32"}, seed=1)
    halves = (self_test_inputs(draw)["image"].reshape(-1) / 2).tolist()
    expected = {
        "shape": [2, 1, 4, 4],
        "positions": list(range(32)),
        "expected": halves,
        "bound": 1e-6,
        "floor": 1e-7,
    }
    metadata = Metadata(
        name="half",
        task="image-filter",
        inputs={"image": TensorSpec("N", 1, 4, 4)},
        outputs={"filtered": TensorSpec("N", 1, 4, 4)},
        preprocess=Preprocess(resize=(4, 4), color="L"),
        opset=20,
        self_test={**draw, "outputs": {"filtered": expected}},
    )
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "half"], ["filtered"])],
        "half",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("filtered", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor("half", TensorProto.FLOAT, [], [0.5])],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    return write_model(path, model, metadata)
