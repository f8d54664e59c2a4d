"""Which node of one graph is which of the other, and what that makes of their weights: small files of other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper
from warm import Result

Weights = dict[str, np.ndarray]


def square(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(4, 4)).astype(np.float32)


def write(
    path: Path, nodes: Sequence[NodeProto], weights: Weights | list[TensorProto], *, inputs: Sequence[str] = ("x",)
) -> None:
    """A file that takes (N, 4) and gives the value `y`."""
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in (*inputs, "y")}
    stored = weights
    if isinstance(weights, dict):
        stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "main", [values[name] for name in inputs], [values["y"]], stored)
    opset = helper.make_opsetid("", 21)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)


def layers(names: Sequence[str]) -> list[NodeProto]:
    """x -> MatMul and Relu for each name -> y."""
    nodes = []
    value = "x"
    for name in names:
        out = "y" if name == names[-1] else f"{name}.out"
        nodes.append(helper.make_node("MatMul", [value, f"{name}.weight"], [f"{name}.sum"], name=f"{name}.matmul"))
        nodes.append(helper.make_node("Relu", [f"{name}.sum"], [out], name=f"{name}.relu"))
        value = out
    return nodes


def branches(first: str, second: str) -> list[NodeProto]:
    """y = (x @ first) - (x @ second); the nodes in that order."""
    return [
        helper.make_node("MatMul", ["x", first], ["a"]),
        helper.make_node("MatMul", ["x", second], ["b"]),
        helper.make_node("Sub", ["a", "b"], ["y"]),
    ]


@pytest.fixture
def compared(run_zoo: Callable[..., Result], tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """What there is to say of a.onnx and b.onnx."""

    def compare() -> dict[str, Any]:
        done = run_zoo("diff", "a.onnx", "b.onnx", "--json")
        assert done.code == (0 if done.json["equal"] else 1), done.stderr
        found: dict[str, Any] = done.json
        return found

    return compare


def test_a_layer_that_is_gone_is_that_one_also_when_others_have_moved(compared: Any, tmp_path: Path) -> None:
    names = ["one", "two", "three", "four"]
    weights = {f"{name}.weight": square(seed) for seed, name in enumerate(names)}
    write(tmp_path / "a.onnx", layers(names), weights)
    del names[1], weights["two.weight"]
    weights["one.weight"] = weights["one.weight"] + np.float32(0.5)
    weights["four.weight"] = weights["four.weight"] * np.float32(2)
    write(tmp_path / "b.onnx", layers(names), weights)
    found = compared()
    assert found["verdict"] == "graph"
    assert [each["node"] for each in found["graph"]["only_a"]] == ["two.matmul", "two.relu"]
    assert (found["graph"]["only_b"], found["graph"]["changed"]) == ([], [])
    states = {each["a"]: each["state"] for each in found["weights"]}
    wanted = {"one": "other values", "two": "only in A", "three": "equal", "four": "other values"}
    assert states == {f"{name}.weight": state for name, state in wanted.items()}


def test_the_order_of_nodes_is_no_difference_and_neither_are_names(compared: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.onnx", branches("left", "right"), {"left": square(1), "right": square(2)})
    first, second, last = branches("l", "r")
    write(tmp_path / "b.onnx", [second, first, last], {"r": square(2), "l": square(1)})
    assert compared()["verdict"] == "words"


def test_weights_that_have_changed_places_are_a_difference(compared: Any, tmp_path: Path) -> None:
    """The names and the values are those of A, and each weight is used where A uses the other one."""
    weights = {"left": square(1), "right": square(2)}
    write(tmp_path / "a.onnx", branches("left", "right"), weights)
    write(tmp_path / "b.onnx", branches("right", "left"), weights)
    found = compared()
    assert found["verdict"] == "graph"
    told = [(each["op_type"], each["what"], each["a"], each["b"]) for each in found["graph"]["changed"]]
    assert told == [("Sub", "input 1", "from a", "from b"), ("Sub", "input 2", "from b", "from a")]


def test_weights_that_are_shared_in_one_file_alone_are_a_difference(compared: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.onnx", branches("left", "right"), {"left": square(1), "right": square(2)})
    write(tmp_path / "b.onnx", branches("left", "left"), {"left": square(1), "right": square(2)})
    found = compared()
    assert not found["equal"]
    change = found["graph"]["changed"][0]
    assert (change["op_type"], change["what"], change["a"], change["b"]) == (
        "MatMul",
        "input 2",
        "the weights right",
        "the weights left",
    )


def test_a_tensor_in_a_constant_node_is_a_stored_tensor(compared: Any, tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    write(tmp_path / "a.onnx", [node], {"w": square(1)})
    constant = helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(square(1), "w"))
    write(tmp_path / "b.onnx", [constant, node], {})
    assert compared()["verdict"] == "words"


def test_attributes_and_small_operands_are_told_with_both_values(compared: Any, tmp_path: Path) -> None:
    for name, axis, shape in (("a", 1, [-1, 4]), ("b", 0, [4, -1])):
        nodes = [
            helper.make_node("Softmax", ["x"], ["s"], axis=axis),
            helper.make_node("Reshape", ["s", "shape"], ["y"]),
        ]
        write(tmp_path / f"{name}.onnx", nodes, {"shape": np.array(shape, np.int64)})
    found = compared()
    assert found["verdict"] == "graph"
    told = {(each["op_type"], each["what"]): (each["a"], each["b"]) for each in found["graph"]["changed"]}
    assert told == {("Softmax", "axis"): ("1", "0"), ("Reshape", "input 2"): ("[-1, 4]", "[4, -1]")}
    assert found["weights"] == []


def test_inputs_that_have_changed_places_are_a_difference(compared: Any, tmp_path: Path) -> None:
    for name, taken in (("a", ["p", "q"]), ("b", ["q", "p"])):
        write(tmp_path / f"{name}.onnx", [helper.make_node("Sub", taken, ["y"])], {}, inputs=("p", "q"))
    found = compared()
    assert found["verdict"] == "graph"
    assert [(each["a"], each["b"]) for each in found["graph"]["changed"]] == [
        ("the input p", "the input q"),
        ("the input q", "the input p"),
    ]


def branching(weight: np.ndarray, operator: str) -> tuple[list[NodeProto], Weights]:
    """y = operator(x @ w) where the flag is set, else x; w is stored within the branch."""
    inner = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node(operator, ["m"], ["then"])]
    out = helper.make_tensor_value_info("then", TensorProto.FLOAT, ["N", 4])
    then = helper.make_graph(inner, "then", [], [out], [numpy_helper.from_array(weight, "w")])
    other = helper.make_tensor_value_info("else", TensorProto.FLOAT, ["N", 4])
    otherwise = helper.make_graph([helper.make_node("Identity", ["x"], ["else"])], "else", [], [other])
    node = helper.make_node("If", ["flag"], ["y"], then_branch=then, else_branch=otherwise)
    return [node], {"flag": np.array(True)}


@pytest.mark.parametrize(
    ("weight", "operator", "verdict"),
    [(square(1), "Relu", "identical"), (square(2), "Relu", "graph"), (square(1), "Tanh", "graph")],
)
def test_branches_are_looked_into(
    compared: Any, tmp_path: Path, weight: np.ndarray, operator: str, verdict: str
) -> None:
    write(tmp_path / "a.onnx", *branching(square(1), "Relu"))
    write(tmp_path / "b.onnx", *branching(weight, operator))
    found = compared()
    assert found["verdict"] == verdict
    if verdict == "graph":
        assert [each["what"] for each in found["graph"]["changed"]] == ["then_branch"]


def test_weights_beside_the_file_are_compared(compared: Any, tmp_path: Path) -> None:
    weight = np.random.default_rng(3).normal(size=(4, 400)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["wide"]), helper.make_node("MatMul", ["wide", "v"], ["y"])]
    for name, last in (("a", weight[0, 0]), ("b", np.float32(9))):
        changed = weight.copy()
        changed[0, 0] = last
        write(tmp_path / f"{name}.onnx", nodes, {"w": changed, "v": weight.T.copy()})
        model = onnx.load(tmp_path / f"{name}.onnx")
        onnx.save(model, tmp_path / f"{name}.onnx", save_as_external_data=True, location=f"{name}.data")
    found = compared()
    assert found["verdict"] == "weights"
    assert {each["a"]: each["state"] for each in found["weights"]} == {"w": "other values", "v": "equal"}
    assert {each["file"] for each in found["files"]} == {"model.onnx", "a.data", "b.data"}


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "FLOAT8E4M3FN", "INT4"])
def test_how_a_tensor_is_written_is_no_difference_and_its_values_are(compared: Any, tmp_path: Path, kind: str) -> None:
    """The values are numbers of protobuf in A, and bytes in B."""
    for name, last in (("a", 1), ("b", 1), ("c", 2)):
        tensor = helper.make_tensor("w", getattr(TensorProto, kind), [2, 4], [1, 2, 3, 4, 5, 6, 7, last])
        if name != "a":
            tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "w")
        cast = helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT)
        write(tmp_path / f"{name}.onnx", [cast, helper.make_node("Gemm", ["x", "f"], ["y"], transB=1)], [tensor])
    assert compared()["equal"]
    tmp_path.joinpath("c.onnx").replace(tmp_path / "b.onnx")
    assert compared()["verdict"] == "weights"
