"""What a file costs in speed, next to another one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

from zoo_core.verification.subject.speed import speed_ratio


def _file(path: Path, products: int) -> Path:
    """A file that multiplies its input with itself so many times."""
    names = ["x", *(f"x{place}" for place in range(1, products)), "y"]
    nodes = [helper.make_node("MatMul", [before, "x"], [after]) for before, after in itertools.pairwise(names)]
    shape = ["N", 128, 128]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_slower_file_has_a_larger_ratio(tmp_path: Path) -> None:
    short, long = _file(tmp_path / "short.onnx", 1), _file(tmp_path / "long.onnx", 40)
    inputs = {"x": np.full((2, 128, 128), 1e-3, dtype=np.float32)}
    slower, faster = speed_ratio(long, short, inputs=inputs), speed_ratio(short, long, inputs=inputs)
    assert slower is not None
    assert faster is not None
    assert faster < 1 < slower  # forty times the work: no timing of a busy machine turns that round


def test_a_file_that_cannot_be_run_has_none(tmp_path: Path) -> None:
    good, bad = _file(tmp_path / "good.onnx", 1), tmp_path / "bad.onnx"
    bad.write_bytes(b"this is no model")
    inputs = {"x": np.zeros((1, 128, 128), dtype=np.float32)}
    assert speed_ratio(good, bad, inputs=inputs) is None
    assert speed_ratio(good, good, inputs={"z": inputs["x"]}) is None
