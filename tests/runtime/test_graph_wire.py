"""Nodes, attributes and nested graphs: as the onnx package reads them, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_model, graph_model
from wire_files import read

from zoo_core.errors import RefusedFileError
from zoo_core.runtime.reading.graph import Graph
from zoo_core.runtime.reading.protobuf import bytes_field, number_field

FLOATS, INTS = ("float16", "float32", "float64", "complex64", "complex128"), ("int8", "int16", "int32", "int64")


def test_attributes_of_every_kind(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.arange(3.0), "inside")
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.ones(1, np.float32), "v"), numpy_helper.from_array(np.array([2]), "i"), [4]
    )
    node = helper.make_node("Odd", [], ["y"], i=-5, f=0.5, s="text", ints=[1, -1], floats=[1.5, 2.5], name="n")
    node.attribute.extend(
        [
            helper.make_attribute("strings", ["a", "b"]),
            helper.make_attribute("tensor", tensor),
            helper.make_attribute("tensors", [tensor, tensor]),
            helper.make_attribute("sparse", sparse),
            helper.make_attribute("none", [], attr_type=onnx.AttributeProto.INTS),
            helper.make_attribute("type", helper.make_tensor_type_proto(1, [2])),
        ]
    )
    node.metadata_props.add(key="scope", value="a.b")
    (read_node,) = read(graph_model([node]), tmp_path / "m.onnx").nodes
    got = {attribute.name: attribute.value for attribute in read_node.attributes}
    assert (got["i"], got["f"], got["s"], got["ints"], got["floats"]) == (-5, 0.5, b"text", (1, -1), (1.5, 2.5))
    assert (got["strings"], got["none"]) == ((b"a", b"b"), ())
    assert got["tensor"].array().tolist() == [0.0, 1.0, 2.0]
    assert [t.name for t in got["tensors"]] == ["inside", "inside"]
    assert (got["sparse"].shape, got["sparse"].indices.array().tolist()) == ((4,), [2])
    assert read_node.metadata == (("scope", "a.b"),)
    assert read_node.attribute("nothing", 3) == 3


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        (onnx.AttributeProto(name="a", type=onnx.AttributeProto.INT, i=1, s=b"x"), "more than one meaning"),
        (onnx.AttributeProto(name="a", type=onnx.AttributeProto.FLOAT, i=1), "more than one meaning"),
        (onnx.AttributeProto(name="a"), "the attribute 'a' has no value"),
    ],
)
def test_attributes_that_readers_would_understand_differently(
    attribute: onnx.AttributeProto, words: str, tmp_path: Path
) -> None:
    node = helper.make_node("Odd", [], ["y"])
    node.attribute.append(attribute)
    with pytest.raises(RefusedFileError, match=words):
        read(graph_model([node]), tmp_path / "m.onnx")


def nested(depth: int) -> onnx.NodeProto:
    """An If inside an If, `depth` times."""
    node = helper.make_node("Constant", [], ["y"], value_float=1.0)
    for _ in range(depth):
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        branch = helper.make_graph([node], "branch", [], [y])
        node = helper.make_node("If", ["choice"], ["y"], then_branch=branch, else_branch=branch)
    return node


def test_subgraphs_and_sparse_initializers(tmp_path: Path) -> None:
    choice = numpy_helper.from_array(np.array(True), "choice")
    model = graph_model([nested(2)], tensors=[choice])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            numpy_helper.from_array(np.ones(2, np.float32), "sp"), numpy_helper.from_array(np.array([1, 3]), ""), [2, 4]
        )
    )
    file = read(model, tmp_path / "m.onnx")
    assert [graph.name for graph in file.graph.walk()] == ["g", *["branch"] * 6]
    (sparse,) = file.graph.sparse
    assert (sparse.name, sparse.shape) == ("sp", (2, 4))
    assert isinstance(file.nodes[0].attribute("then_branch"), Graph)


def test_deep_nesting_is_refused_without_recursion(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=r"refused \(too-deep\): graphs are nested more than 8 deep"):
        read(graph_model([nested(9)]), tmp_path / "m.onnx")
    body = b""
    for _ in range(20_000):  # 20,000 graphs, one in the other, in a few hundred kilobytes
        body = bytes_field(1, bytes_field(5, bytes_field(1, b"g") + bytes_field(6, body)))
    with pytest.raises(RefusedFileError, match="too-deep"):
        read(number_field(1, 8) + bytes_field(7, body), tmp_path / "m.onnx")


def test_inputs_without_shape_rank_or_tensor_type(tmp_path: Path) -> None:
    sequence = helper.make_value_info("s", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None)))
    inputs = [
        helper.make_tensor_value_info("rank", TensorProto.INT64, ["N", None, 3]),
        helper.make_tensor_value_info("none", TensorProto.INT64, None),
        sequence,
    ]
    file = read(graph_model([nested(0)], inputs=inputs), tmp_path / "m.onnx")
    assert [(v.dims, v.kind, v.dtype) for v in file.inputs] == [
        (("N", None, 3), "tensor", "int64"),
        (None, "tensor", "int64"),
        (None, "sequence", None),
    ]


def test_stored_tensors_are_no_inputs(tmp_path: Path) -> None:
    model = brightness_model()
    model.graph.input.append(helper.make_tensor_value_info("slope", TensorProto.FLOAT, [1, 3]))
    assert [value.name for value in read(model, tmp_path / "m.onnx").inputs] == ["image"]
