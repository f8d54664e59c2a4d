"""Our reader of ONNX files against the onnx package, and against bytes that are something else."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_files import brightness_model, graph_model
from wire_files import read

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import ONNX_OBJECTS_PER_MESSAGE
from zoo_core.runtime.reading import wire
from zoo_core.runtime.reading.protobuf import Budget, WireError, bytes_field, number_field, read_message, varint
from zoo_core.runtime.reading.tensors import TENSOR
from zoo_core.runtime.reading.varints import decode_ints


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


def test_a_large_file_is_mapped_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_READ_AT_ONCE", 1000)
    weight = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    node = helper.make_node("Identity", ["w"], ["y"])
    file = read(graph_model([node], tensors=[numpy_helper.from_array(weight, "w")]), tmp_path / "m.onnx")
    assert not isinstance(file.content, bytes)
    array = file.initializers["w"].array()
    assert not array.flags.owndata
    np.testing.assert_array_equal(array, weight)


SAFETENSORS = (2).to_bytes(8, "little") + b"{}"


STRANGERS = {
    "empty": (b"", "it is empty"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "it is a Git LFS pointer"),
    "html": (b"\n<!DOCTYPE html><html><body>Not found</body>", "it is a web page"),
    "xml": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "it is a web page"),
    "text": (b"404: Not Found", "it is text that begins with '404: Not Found'"),
    "text in other letters": ("Datei nicht gefunden: größer".encode() * 30, "it is text that begins"),
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
    monkeypatch.setattr(wire, "MAX_ONNX_OBJECTS", 100)
    with pytest.raises(RefusedFileError, match="too-many-fields"):
        read(brightness_model(), tmp_path / "m.onnx")


def test_too_large_a_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 31)
    with pytest.raises(RefusedFileError, match=r"refused \(too-large\): it has over 2,147,483,647 bytes"):
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
    budget = Budget(2 + 2 * ONNX_OBJECTS_PER_MESSAGE)
    read_message(memoryview(number_field(2, 1) * 1), TENSOR, budget)
    with pytest.raises(WireError, match="more fields"):
        read_message(memoryview(number_field(2, 1) + number_field(14, 0)), TENSOR, budget)
