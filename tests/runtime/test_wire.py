"""Our reader of ONNX files against the onnx package, and against bytes that are something else."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_model, graph_model

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.runtime.reading import wire
from zoo_core.runtime.reading.graph import Graph
from zoo_core.runtime.reading.protobuf import Budget, WireError, bytes_field, number_field, read_message, varint
from zoo_core.runtime.reading.tensors import ELEMENT_CODES, TENSOR
from zoo_core.runtime.reading.varints import decode_ints

FLOATS, INTS = ("float16", "float32", "float64", "complex64", "complex128"), ("int8", "int16", "int32", "int64")
NUMPY_TYPES = (*FLOATS, *INTS, *(f"u{name}" for name in INTS), "bool")
SMALL_INTS = ("int4", "uint4", "int2", "uint2")


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    random_numbers = np.asarray(np.random.default_rng(3).normal(size=shape) * 50)
    if dtype == "bool":
        return random_numbers > 0
    if dtype.startswith("u"):
        return np.abs(random_numbers).astype(dtype)
    if dtype.startswith("complex"):
        return (random_numbers - 2j * random_numbers).astype(dtype)
    return random_numbers.astype(dtype)


def read(model: onnx.ModelProto | bytes, path: Path) -> wire.OnnxFile:
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return wire.read_onnx(path)


# -- tensors ---------------------------------------------------------------------------------------------------


def test_element_types_are_those_of_onnx() -> None:
    ours = dict(ELEMENT_CODES)
    theirs = {name.lower(): code for name, code in TensorProto.DataType.items() if code}
    assert {"float": ours.pop("float32"), "double": ours.pop("float64"), **ours} == theirs


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4), (3, 0, 2)])
@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_raw_tensors_are_read_as_onnx_writes_them(dtype: str, shape: tuple[int, ...]) -> None:
    array = values(dtype, shape)
    name, got = wire.read_tensor_proto(numpy_helper.from_array(array, "weight").SerializeToString())
    assert name == "weight"
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_typed_tensors_are_read_as_onnx_writes_them(dtype: str) -> None:
    array = values(dtype, (3, 5))
    tensor = helper.make_tensor("weight", ELEMENT_CODES[dtype], array.shape, array.flatten().tolist())
    assert not tensor.HasField("raw_data")
    _, got = wire.read_tensor_proto(tensor.SerializeToString())
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, numpy_helper.to_array(tensor))
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("dtype", SMALL_INTS)
def test_integers_of_few_bits(dtype: str, raw: bool) -> None:
    low, high = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}[dtype]
    numbers = [low, high, 0, 1, low, high, 1]
    tensor = helper.make_tensor("t", ELEMENT_CODES[dtype], [7], numbers)
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "t")
        assert tensor.HasField("raw_data")
    _, got = wire.read_tensor_proto(tensor.SerializeToString())
    assert got.tolist() == numbers
    assert got.dtype == (np.uint8 if dtype.startswith("u") else np.int8)


@pytest.mark.parametrize("raw", [False, True])
def test_bfloat16_is_read_as_the_equal_float32(raw: bool) -> None:
    numbers = [1.0, -2.5, 3.0e38, 0.0]
    tensor = helper.make_tensor("t", TensorProto.BFLOAT16, [2, 2], numbers)
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "t")
    _, got = wire.read_tensor_proto(tensor.SerializeToString())
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, numpy_helper.to_array(tensor).astype(np.float32))


@pytest.mark.parametrize("dtype", [name for name in ELEMENT_CODES if name.startswith(("float8", "float6e", "float4"))])
def test_floats_that_numpy_has_not(dtype: str) -> None:
    tensor = helper.make_tensor("t", ELEMENT_CODES[dtype], [5], [0.0, 1.0, 1.0, 0.0, 1.0])
    with pytest.raises(ZooError, match=f"vector.pb: tensor 't': numpy has no type for {dtype}"):
        wire.read_tensor_proto(tensor.SerializeToString(), where="vector.pb")


def test_strings() -> None:
    tensor = helper.make_tensor("t", TensorProto.STRING, [2], ["añ", ""])
    assert wire.read_tensor_proto(tensor.SerializeToString())[1].tolist() == ["añ", ""]


def test_numbers_that_are_not_packed_are_read_too() -> None:
    one_by_one = b"".join(
        [
            number_field(1, 3),
            number_field(2, TensorProto.INT64),
            *(number_field(7, number) for number in (1, -2, 1 << 40)),
        ]
    )
    np.testing.assert_array_equal(wire.read_tensor_proto(one_by_one)[1], [1, -2, 1 << 40])
    assert numpy_helper.to_array(TensorProto.FromString(one_by_one)).tolist() == [1, -2, 1 << 40]


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_written_tensors_are_read_by_onnx(dtype: str, shape: tuple[int, ...]) -> None:
    array = values(dtype, shape)
    data = wire.write_tensor_proto("ångström", array)
    tensor = TensorProto.FromString(data)
    onnx.checker.check_tensor(tensor)
    assert (tensor.name, tensor.data_type) == ("ångström", ELEMENT_CODES[dtype])
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), array)
    assert data == wire.write_tensor_proto("ångström", array.copy(order="F")), "equal arrays, equal bytes"


def test_objects_cannot_be_written() -> None:
    with pytest.raises(ZooError, match="ONNX has no element type for object"):
        wire.write_tensor_proto("x", np.array([{}], dtype=object))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "unknown element type 0"),
        (number_field(2, 99), "unknown element type 99"),
        (numpy_helper.from_array(np.ones(4), "t").SerializeToString()[:-1], "only 31 are left"),
        (number_field(1, 3) + number_field(2, 1) + bytes_field(9, b"1234"), "needs 12 bytes, but it has 4"),
        (number_field(1, -3) + number_field(2, 1), "negative size"),
        (number_field(1, 1) + number_field(2, 1) + bytes_field(9, b"1234") * 2, "raw_data appears twice"),
        (number_field(1, 1) + number_field(2, 1) + bytes_field(9, b"1234") + bytes_field(4, b"1234"), "two forms"),
        (number_field(1, 1) + number_field(2, 1) + number_field(7, 5), "float32 values cannot be in int64_data"),
        (number_field(1, 2) + number_field(2, 7) + bytes_field(7, b"\x01\x80"), "needs 2 values, but it has 1"),
        (number_field(1, 1) + number_field(2, 7) + bytes_field(7, b"\x01\x80"), "middle of a number"),
        (number_field(1, 1) + number_field(2, 1) + bytes_field(3, b""), "segments"),
        (b"<html>", "is not an ONNX tensor"),
    ],
)
def test_damaged_tensors(data: bytes, text: str) -> None:
    with pytest.raises(RefusedFileError, match=text):
        wire.read_tensor_proto(data, where="vector.pb")


# -- the whole file --------------------------------------------------------------------------------------------


def test_everything_is_read_as_onnx_reads_it(tmp_path: Path) -> None:
    model = brightness_model()
    model.doc_string, model.domain, model.model_version = "two\nlines", "org.example", 7
    model.producer_version = "1.2"
    model.graph.doc_string = "a graph"
    helper.set_model_props(model, {"zoo": "{}", "other": "text"})
    image = model.graph.input[0]
    image.type.denotation, image.doc_string = "IMAGE", "a picture"
    image.type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    model.graph.node[0].name = "mean"
    file = read(model, tmp_path / "model.onnx")
    assert (file.ir_version, file.opsets, file.producer, file.producer_version) == (10, {"": 20}, "zoo-tests", "1.2")
    assert (file.doc_string, file.domain, file.model_version) == ("two\nlines", "org.example", 7)
    assert file.graph.doc_string == "a graph"
    assert file.metadata_props == {"zoo": "{}", "other": "text"}
    assert (file.functions, file.training_infos, file.size) == (0, 0, model.ByteSize())
    assert [(v.name, v.dtype, v.dims) for v in file.inputs] == [("image", "float32", ("N", 1, 4, 4))]
    assert file.inputs[0].denotation == "IMAGE"
    assert file.inputs[0].dim_denotations[0] == "DATA_BATCH"
    assert file.inputs[0].doc_string == "a picture"
    assert [(v.name, v.dims) for v in file.outputs] == [("logits", ("N", 3))]
    for ours, theirs in zip(file.nodes, model.graph.node, strict=True):
        assert (ours.name, ours.op_type, ours.domain) == (theirs.name, theirs.op_type, theirs.domain)
        assert (ours.inputs, ours.outputs) == (tuple(theirs.input), tuple(theirs.output))
        assert {a.name: a.value for a in ours.attributes} == {
            a.name: helper.get_attribute_value(a) for a in theirs.attribute
        }
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(file.initializers[tensor.name].array(), numpy_helper.to_array(tensor))


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


def test_a_large_file_is_mapped_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_READ_AT_ONCE", 1000)
    weight = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    node = helper.make_node("Identity", ["w"], ["y"])
    file = read(graph_model([node], tensors=[numpy_helper.from_array(weight, "w")]), tmp_path / "m.onnx")
    assert not isinstance(file.content, bytes)
    array = file.initializers["w"].array()
    assert not array.flags.owndata
    np.testing.assert_array_equal(array, weight)


# -- what is no ONNX file --------------------------------------------------------------------------------------

SAFETENSORS = (2).to_bytes(8, "little") + b"{}"
STRANGERS = {
    "empty": (b"", "it is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "it is a Git LFS pointer"),
    "html": (b"\n<!DOCTYPE html><html><body>Not found</body>", "it is a web page"),
    "xml": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "it is a web page"),
    "text": (b"404: Not Found", "it is text that begins with '404: Not Found'"),
    "text in other letters": ("Datei nicht gefunden: größer".encode() * 30, "it is a text"),
    "zip": (b"PK\x03\x04rest", "as PyTorch checkpoints"),
    "pickle": (b"\x80\x04\x95rest", "it is a Python pickle"),
    "gzip": (b"\x1f\x8b\x08rest", "it is a gzip archive"),
    "safetensors": (SAFETENSORS, "it is a safetensors file"),
    "zeros": (bytes(4096), "it holds only zeros"),
    "png": (b"\x89PNG\r\n\x1a\n", "it is a PNG picture"),
    "ort": (b"\x18\x00\x00\x00ORTM", "onnxruntime's own format"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_strangers_are_named(kind: str, tmp_path: Path) -> None:
    data, text = STRANGERS[kind]
    with pytest.raises(RefusedFileError) as caught:
        read(data, tmp_path / "model.onnx")
    assert text in caught.value.message
    assert "model.onnx was refused (not-onnx)" in caught.value.message
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (number_field(1, 8), "it has no graph"),
        (bytes_field(7, b""), "it has no IR version"),
        (numpy_helper.from_array(np.ones(3), "t").SerializeToString(), "damaged"),
        (number_field(1, 8) + bytes_field(7, b"") * 2, "the field graph appears twice"),
        (bytes_field(1, b"8"), "the field ir_version has the wrong wire type 2"),
        (number_field(1, 8) + bytes_field(2, b"\xff\xfe"), "the field producer_name is not UTF-8 text"),
        (number_field(1, 8) + varint(7 << 3 | 3), "wire type 3 does not exist"),
        (number_field(1, 8) + varint(0 << 3), "0 is not a field number"),
        (number_field(1, 8) + varint(7 << 3) + b"\xff" * 11, "longer than 64 bits"),
    ],
)
def test_other_protobuf_is_refused(data: bytes, text: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=text):
        read(data, tmp_path / "m.onnx")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole = brightness_model().SerializeToString()
    messages = {}
    for length in range(len(whole)):
        try:
            read(whole[:length], tmp_path / "m.onnx")
        except RefusedFileError as error:
            messages[length] = error.message
    # The one cut between two top-level fields leaves a file without an opset, which vetting refuses.
    assert len(messages) == len(whole) - 1
    inside = [message for length, message in messages.items() if 60 < length < len(whole) - 8]
    assert all("refused (cut-short)" in message for message in inside)


def test_damaged_bytes_never_give_another_exception(tmp_path: Path) -> None:
    dice = random.Random(5)
    whole = brightness_model().SerializeToString()
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            file = read(bytes(data), tmp_path / "m.onnx")
            for tensor in file.graph.all_tensors():
                tensor.array()
        except ZooError:
            continue


def test_unknown_fields_are_skipped(tmp_path: Path) -> None:
    extra = (
        number_field(900, 5) + bytes_field(901, b"x") + varint(902 << 3 | 5) + b"abcd" + varint(903 << 3 | 1) + b"8" * 8
    )
    assert read(extra + brightness_model().SerializeToString(), tmp_path / "m.onnx").producer == "zoo-tests"


def test_too_many_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FIELDS", 20)
    with pytest.raises(RefusedFileError, match="too-many-fields"):
        read(brightness_model(), tmp_path / "m.onnx")


def test_too_large_a_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 31)
    with pytest.raises(RefusedFileError, match=r"refused \(too-large\): it has 2,147,483,648 bytes"):
        wire.read_onnx(path)


def test_folders_pipes_and_absent_files(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="it is a folder") as caught:
        wire.read_onnx(tmp_path)
    assert caught.value.exit_code == 1
    with pytest.raises(ZooError, match=r"cannot read .*absent.onnx: No such file") as caught:
        wire.read_onnx(tmp_path / "absent.onnx")
    assert caught.value.exit_code == 1
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(RefusedFileError, match=r"refused \(not-a-file\): it is a device, pipe or socket"):
        wire.read_onnx(tmp_path / "pipe.onnx")


def test_numbers_of_64_bits() -> None:
    numbers = (0, 1, 127, 128, 1 << 62, -1, -(1 << 63), (1 << 63) - 1)
    packed = memoryview(b"".join(map(varint, numbers)))
    assert decode_ints([packed[:3], packed[3:]]) == numbers
    with pytest.raises(WireError, match=r"longer than 64 bits"):
        decode_ints([memoryview(b"\x80" * 10 + b"\x01")])


def test_a_budget_is_spent_by_fields_of_all_depths() -> None:
    budget = Budget(2)
    read_message(memoryview(number_field(2, 1) * 1), TENSOR, budget)
    with pytest.raises(WireError, match="more fields"):
        read_message(memoryview(number_field(2, 1) + number_field(14, 0)), TENSOR, budget)
