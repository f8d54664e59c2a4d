"""Tiny ONNX files that are refused, and what a refusal says."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, brightness_model, graph_model, write_model

from zoo_core.errors import RefusedFileError
from zoo_core.runtime.vetting.vet import vet

Model = onnx.ModelProto
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
COPY = helper.make_node("Identity", ["x"], ["y"])


def ints(name: str, *numbers: int) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def floats(name: str, *numbers: float) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.float32), name)


def one_node(
    op_type: str, *inputs: str, tensors: tuple[TensorProto, ...] = (), opset: int = 20, **attributes: object
) -> Model:
    """A model of one node with the input `x`."""
    return graph_model(
        [helper.make_node(op_type, inputs, ["y"], **attributes)], inputs=[X], tensors=tensors, opset=opset
    )


GROWN = "its ConstantOfShape node would make 200,000,000 elements out of constants"


def of_shape(*nodes: onnx.NodeProto, tensor: TensorProto | None = None, more: tuple[TensorProto, ...] = ()) -> Model:
    """Nodes that make a shape `t` of the stored `s`, and a tensor of that shape."""
    made = helper.make_node("ConstantOfShape", ["t"], ["y"])
    return graph_model([*nodes, made], inputs=[X], tensors=[tensor or ints("s", 20_000, 10_000), *more])


def floats_of(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def with_zoo(text: str) -> Model:
    model = brightness_model()
    helper.set_model_props(model, {"zoo": text})
    return model


def changed_zoo(**changes: object) -> Model:
    return with_zoo(json.dumps({**json.loads(brightness_metadata().to_json()), **changes}))


def changed(change: Callable[[Model], object]) -> Model:
    model = graph_model([COPY], inputs=[X])
    change(model)
    return model


def stored(change: Callable[[TensorProto], object]) -> Model:
    """A model whose stored tensor was tampered with."""
    tensor = floats("w", 1, 2)
    change(tensor)
    return graph_model([helper.make_node("Identity", ["w"], ["y"])], tensors=[tensor])


def chain(op_type: str, times: int, tensor: TensorProto) -> Model:
    names = ["x", *(f"v{i}" for i in range(times - 1)), "y"]
    nodes = [helper.make_node(op_type, [a, tensor.name], [b]) for a, b in itertools.pairwise(names)]
    return graph_model(nodes, inputs=[X], tensors=[tensor])


def constant_node(*numbers: int) -> Model:
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=numbers),
        helper.make_node("ConstantOfShape", ["shape"], ["y"]),
    ]
    return graph_model(nodes)


def nested_random() -> Model:
    """A random operator hidden in a branch."""
    noise = helper.make_node("RandomNormal", [], ["r"], shape=[2])
    branch = helper.make_graph([noise], "b", [], [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)])
    choice = numpy_helper.from_array(np.array(True), "choice")
    node = helper.make_node("If", ["choice"], ["y"], then_branch=branch, else_branch=branch)
    return graph_model([node], tensors=[choice])


def sparse(shape: list[int]) -> Model:
    value, index = floats("w", 1), ints("", 0)
    model = graph_model([helper.make_node("Identity", ["w"], ["y"])])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(value, index, shape))
    return model


def function(model: Model) -> None:
    body = [helper.make_node("Identity", ["a"], ["b"])]
    model.functions.append(helper.make_function("custom", "f", ["a"], ["b"], body, [helper.make_opsetid("", 20)]))


def opset(version: int, ir_version: int = 10) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        model.ir_version = ir_version
        model.opset_import[0].version = version

    return change


def set_dim(model: Model) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -7


def check_refused(folder: Path, model: Model, *, rule: str, words: str) -> None:
    """Vetting refuses the file by this rule, and says so in words that hold these."""
    path = write_model(folder / "model.onnx", model)
    with pytest.raises(RefusedFileError) as caught:
        vet(path)
    assert f"model.onnx was refused ({rule}): " in caught.value.message
    assert words in caught.value.message
    assert caught.value.exit_code == 4
