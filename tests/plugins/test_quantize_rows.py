"""Ranges of rows, of `zoo quantize --only int8-dynamic`, on tiny graphs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zoo_core import ZooError
from zoo_plugins.quantize.reference import Float64Graph
from zoo_plugins.quantize.tools import Dynamic

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")


def graph_of(nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]], *, opset: int = 20) -> Any:
    """As much of a source as the tool asks for: a graph from `x` of three axes to `y`."""
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5, 7])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    proto = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])
    return SimpleNamespace(proto=proto)


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("activation", ["Identity", "Relu"])
def test_each_vector_of_a_product_has_its_own_range(opset: int, activation: str) -> None:
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node(activation, ["x"], ["r"], name="activation"),
        helper.make_node("MatMul", ["r", "w"], ["m"], name="product"),
        helper.make_node("Add", ["m", "b"], ["y"], name="bias"),  # which onnxruntime may fuse with the product
    ]
    weights = {"w": random.standard_normal((7, 6)), "b": np.full(6, 0.5)}
    made = Dynamic(graph_of(nodes, weights, opset=opset)).make(())
    x = (random.standard_normal((3, 5, 7)) * 10.0 ** random.integers(-6, 6, (3, 5, 1))).astype(np.float32)
    x[0, 0] = 0
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    given, most = (np.maximum(x, 0), 255) if activation == "Relu" else (x, 127)
    largest = np.maximum(np.abs(given).max(-1, keepdims=True).astype(np.float64), 1e-30)
    steps = np.maximum(np.exp2(np.ceil(np.log2(largest / most))), 2.0**-30)
    scaled = stored["w_scale"].astype(np.float64) * stored["w_quantized"].astype(np.float64)
    expected = (np.rint(given / steps) @ scaled) * steps + 0.5
    np.testing.assert_allclose(Float64Graph(made).run({"x": x})["y"], expected, rtol=1e-6)
    for level in LEVELS:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        (found,) = onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, {"x": x})
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=level)


def test_a_value_that_has_no_rows_of_its_own() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "c"], ["k"], name="convolution"),
        helper.make_node("MatMul", ["x", "m"], ["p"], name="product"),
        helper.make_node("MatMul", ["p", "k"], ["y"], name="both"),
    ]
    source = graph_of(nodes, {"c": np.ones((4, 5, 1)), "m": np.ones((7, 4))})
    with pytest.raises(ZooError, match="'x' goes into ConvInteger, MatMulInteger: it has no rows of its own"):
        Dynamic(source).make(())
