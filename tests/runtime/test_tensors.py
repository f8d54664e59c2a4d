"""Tensors of every type against the onnx package: read, written, and damaged."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.runtime.reading.protobuf import bytes_field, number_field
from zoo_core.runtime.reading.tensors import ELEMENT_CODES, read_tensor_proto, write_tensor_proto

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


def test_element_types_are_those_of_onnx() -> None:
    ours = dict(ELEMENT_CODES)
    theirs = {name.lower(): code for name, code in TensorProto.DataType.items() if code}
    assert {"float": ours.pop("float32"), "double": ours.pop("float64"), **ours} == theirs


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4), (3, 0, 2)])
@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_raw_tensors_are_read_as_onnx_writes_them(dtype: str, shape: tuple[int, ...]) -> None:
    array = values(dtype, shape)
    name, got = read_tensor_proto(numpy_helper.from_array(array, "weight").SerializeToString())
    assert name == "weight"
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_typed_tensors_are_read_as_onnx_writes_them(dtype: str) -> None:
    array = values(dtype, (3, 5))
    tensor = helper.make_tensor("weight", ELEMENT_CODES[dtype], array.shape, array.flatten().tolist())
    assert not tensor.HasField("raw_data")
    _, got = read_tensor_proto(tensor.SerializeToString())
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
    _, got = read_tensor_proto(tensor.SerializeToString())
    assert got.tolist() == numbers
    assert got.dtype == (np.uint8 if dtype.startswith("u") else np.int8)


@pytest.mark.parametrize("raw", [False, True])
def test_bfloat16_is_read_as_the_equal_float32(raw: bool) -> None:
    numbers = [1.0, -2.5, 3.0e38, 0.0]
    tensor = helper.make_tensor("t", TensorProto.BFLOAT16, [2, 2], numbers)
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "t")
    _, got = read_tensor_proto(tensor.SerializeToString())
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, numpy_helper.to_array(tensor).astype(np.float32))


@pytest.mark.parametrize("dtype", [name for name in ELEMENT_CODES if name.startswith(("float8", "float6e", "float4"))])
def test_floats_that_numpy_has_not(dtype: str) -> None:
    tensor = helper.make_tensor("t", ELEMENT_CODES[dtype], [5], [0.0, 1.0, 1.0, 0.0, 1.0])
    with pytest.raises(ZooError, match=f"vector.pb: tensor 't': numpy has no type for {dtype}"):
        read_tensor_proto(tensor.SerializeToString(), where="vector.pb")


def test_strings() -> None:
    tensor = helper.make_tensor("t", TensorProto.STRING, [2], ["añ", ""])
    assert read_tensor_proto(tensor.SerializeToString())[1].tolist() == ["añ", ""]


def test_numbers_that_are_not_packed_are_read_too() -> None:
    one_by_one = b"".join(
        [
            number_field(1, 3),
            number_field(2, TensorProto.INT64),
            *(number_field(7, number) for number in (1, -2, 1 << 40)),
        ]
    )
    np.testing.assert_array_equal(read_tensor_proto(one_by_one)[1], [1, -2, 1 << 40])
    assert numpy_helper.to_array(TensorProto.FromString(one_by_one)).tolist() == [1, -2, 1 << 40]


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_written_tensors_are_read_by_onnx(dtype: str, shape: tuple[int, ...]) -> None:
    array = values(dtype, shape)
    data = write_tensor_proto("ångström", array)
    tensor = TensorProto.FromString(data)
    onnx.checker.check_tensor(tensor)
    assert (tensor.name, tensor.data_type) == ("ångström", ELEMENT_CODES[dtype])
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), array)
    assert data == write_tensor_proto("ångström", array.copy(order="F")), "equal arrays, equal bytes"


def test_objects_cannot_be_written() -> None:
    with pytest.raises(ZooError, match="ONNX has no element type for object"):
        write_tensor_proto("x", np.array([{}], dtype=object))


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
        read_tensor_proto(data, where="vector.pb")
