"""Small hostile files that pass every rule about what a file says, and fill the memory or never end when they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_files import LABELS, brightness_metadata, write_model

from zoo_core import TensorSpec

Nodes = list[onnx.NodeProto]


def _ints(name: str, *numbers: int) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def _loop(body: Nodes, carried: str, *, tensors: list[TensorProto]) -> onnx.NodeProto:
    """A Loop that goes on for ever, of a body from `carried`_in to `carried`_out."""
    count = helper.make_tensor_value_info("count", TensorProto.INT64, [])
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    inside = helper.make_tensor_value_info(f"{carried}_in", TensorProto.FLOAT, None)
    outside = helper.make_tensor_value_info(f"{carried}_out", TensorProto.FLOAT, None)
    still = helper.make_node("Identity", ["going"], ["still"])
    ends = [helper.make_tensor_value_info("still", TensorProto.BOOL, []), outside]
    graph = helper.make_graph([still, *body], "body", [count, going, inside], ends, tensors)
    return helper.make_node("Loop", ["", "true", "start"], ["carried"], body=graph)


def _endless() -> tuple[Nodes, list[TensorProto]]:
    body = [helper.make_node("Identity", ["x_in"], ["x_out"])]
    return [helper.make_node("Identity", ["mean"], ["start"]), _loop(body, "x", tensors=[])], []


def _growing() -> tuple[Nodes, list[TensorProto]]:
    body = [helper.make_node("Concat", ["x_in", "x_in"], ["x_out"], axis=0)]
    return [helper.make_node("Identity", ["mean"], ["start"]), _loop(body, "x", tensors=[])], []


def _told_by_the_input() -> tuple[Nodes, list[TensorProto]]:
    """Shapes of gigabytes that only the input decides."""
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "much"], ["large"]),
        helper.make_node("Reshape", ["mean", "scalar"], ["one"]),
        helper.make_node("Expand", ["one", "large"], ["wide"]),
        helper.make_node("ReduceMean", ["wide"], ["carried"], keepdims=0),
    ]
    return nodes, [_ints("much", 100, 100, 50, 50), _ints("scalar", 1)]


def _many_alive() -> tuple[Nodes, list[TensorProto]]:
    """Many tensors of moderate size, all of them needed at the end."""
    nodes: Nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Mul", ["shape", "much"], ["large"]),
        helper.make_node("Reshape", ["mean", "scalar"], ["one"]),
    ]
    for number in range(64):
        nodes += [
            helper.make_node("Add", ["one", f"own{number}"], [f"other{number}"]),
            helper.make_node("Expand", [f"other{number}", "large"], [f"wide{number}"]),
        ]
    nodes.append(helper.make_node("Sum", [f"wide{number}" for number in range(64)], ["sum"]))
    nodes.append(helper.make_node("ReduceMean", ["sum"], ["carried"], keepdims=0))
    own = [numpy_helper.from_array(np.array([number], np.float32), f"own{number}") for number in range(64)]
    return nodes, [_ints("much", 16, 16, 32, 32), _ints("scalar", 1), *own]


BOMBS: Mapping[str, Callable[[], tuple[Nodes, list[TensorProto]]]] = {
    "a loop without an end": _endless,
    "a loop that grows": _growing,
    "a shape told by the input": _told_by_the_input,
    "many tensors at a time": _many_alive,
}


def bomb_model(name: str) -> onnx.ModelProto:
    """A classifier of grey pictures of 4 by 4 with that bomb between its mean and its logits."""
    nodes, tensors = BOMBS[name]()
    before = helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0)
    after = [
        helper.make_node("ReduceMean", ["carried"], ["flat"], keepdims=0),
        helper.make_node("Reshape", ["flat", "one_by_one"], ["row"]),
        helper.make_node("Mul", ["row", "slope"], ["logits"]),
    ]
    stored = [
        _ints("axes", 1, 2, 3),
        _ints("one_by_one", 1, 1),
        numpy_helper.from_array(np.array(True), "true"),
        numpy_helper.from_array(np.ones((1, len(LABELS)), np.float32), "slope"),
    ]
    graph = helper.make_graph(
        [before, *nodes, *after],
        "bomb",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)])],
        [*stored, *tensors],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def write_bomb(folder: Path, name: str) -> Path:
    """The bomb as a stranger's file, with a self-test that would have it run."""
    draw = {"seed": 5, "shape": [2, 1, 4, 4], "low": 0.0, "high": 1.0, "dtype": "float32"}
    expected = {"shape": [2, 3], "positions": [0, 1, 2], "expected": [0.5, 0.5, 0.5], "bound": 1e-3, "floor": 1e-7}
    metadata = brightness_metadata(
        inputs={"image": TensorSpec("N", 1, 4, 4)},
        outputs={"logits": TensorSpec("N", len(LABELS))},
        self_test={
            "generator": "philox-uniform-24",
            "inputs": {"image": draw},
            "outputs": {"logits": expected},
        },
    )
    return write_model(folder / "bomb.onnx", bomb_model(name), metadata, known=False)
