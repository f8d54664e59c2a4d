"""Tensors of an ONNX file: read on demand, counted before they are believed, written for test vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import MAX_AXES

from .protobuf import Budget, Field, WireError, bytes_field, join, number_field, read_message, read_pairs, varint
from .varints import count_varints, decode_ints, decode_varints


@dataclass(frozen=True, slots=True)
class ElementType:
    """One of ONNX's element types: its name, its width in bits, the field that holds typed values."""

    name: str
    bits: int
    typed: str


ELEMENT_TYPES: Mapping[int, ElementType] = {
    1: ElementType("float32", 32, "float_data"),
    2: ElementType("uint8", 8, "int32_data"),
    3: ElementType("int8", 8, "int32_data"),
    4: ElementType("uint16", 16, "int32_data"),
    5: ElementType("int16", 16, "int32_data"),
    6: ElementType("int32", 32, "int32_data"),
    7: ElementType("int64", 64, "int64_data"),
    8: ElementType("string", 0, "string_data"),
    9: ElementType("bool", 8, "int32_data"),
    10: ElementType("float16", 16, "int32_data"),
    11: ElementType("float64", 64, "double_data"),
    12: ElementType("uint32", 32, "uint64_data"),
    13: ElementType("uint64", 64, "uint64_data"),
    14: ElementType("complex64", 64, "float_data"),
    15: ElementType("complex128", 128, "double_data"),
    16: ElementType("bfloat16", 16, "int32_data"),
    17: ElementType("float8e4m3fn", 8, "int32_data"),
    18: ElementType("float8e4m3fnuz", 8, "int32_data"),
    19: ElementType("float8e5m2", 8, "int32_data"),
    20: ElementType("float8e5m2fnuz", 8, "int32_data"),
    21: ElementType("uint4", 4, "int32_data"),
    22: ElementType("int4", 4, "int32_data"),
    23: ElementType("float4e2m1", 4, "int32_data"),
    24: ElementType("float8e8m0", 8, "int32_data"),
    25: ElementType("uint2", 2, "int32_data"),
    26: ElementType("int2", 2, "int32_data"),
    27: ElementType("float6e2m3", 6, "int32_data"),
    28: ElementType("float6e3m2", 6, "int32_data"),
}
ELEMENT_CODES: Mapping[str, int] = {element.name: code for code, element in ELEMENT_TYPES.items()}

TENSOR = {
    1: Field("dims", "varints"),
    2: Field("data_type", "int"),
    3: Field("segment", "message"),
    4: Field("float_data", "fixed32s"),
    5: Field("int32_data", "varints"),
    6: Field("string_data", "bytes", repeated=True),
    7: Field("int64_data", "varints"),
    8: Field("name", "string"),
    9: Field("raw_data", "bytes"),
    10: Field("double_data", "fixed64s"),
    11: Field("uint64_data", "varints"),
    12: Field("doc_string", "string"),
    13: Field("external_data", "message", repeated=True),
    14: Field("data_location", "int"),
}
_TYPED = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the file. Its data are views of the file until `array()` is called.

    `dtype` is numpy's name where numpy has one; `external` says where the data are when they are not in the
    file (the pairs as written, duplicates included), and is None otherwise.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    raw: memoryview | None
    typed: Mapping[str, list[memoryview]] = field(default_factory=dict)
    external: tuple[tuple[str, str], ...] | None = None
    segmented: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the raw form of this shape and dtype takes; 0 for strings."""
        return (self.size * ELEMENT_TYPES[ELEMENT_CODES[self.dtype]].bits + 7) // 8

    def problem(self) -> str | None:
        """Why the data in the file do not make this tensor, in words; None when they do."""
        if any(dim < 0 for dim in self.shape):
            return f"its shape {self.shape} has a negative size"
        # Where a size is 0, the others need no bytes, and overflow whoever multiplies them.
        if math.prod(max(1, dim) for dim in self.shape) >= 1 << 48:
            return f"no array has the shape {self.shape}"
        if self.segmented:
            return "it is stored in segments, which no tool writes"
        if self.external is not None:
            return "its data are stored twice, inside and outside the file" if self.raw or self.typed else None
        element = ELEMENT_TYPES[ELEMENT_CODES[self.dtype]]
        if self.raw is not None:
            if self.typed or element.name == "string":
                return "its data are stored in two forms"
            if len(self.raw) != self.nbytes:
                return self._wrong_amount(self.nbytes, len(self.raw), "bytes")
            return None
        if strange := set(self.typed) - {element.typed}:
            return f"{self.dtype} values cannot be in {', '.join(sorted(strange))}"
        needed, held = self._typed_needed(element), self._typed_held(element)
        if needed != held:
            return self._wrong_amount(needed, held, "values")
        return None

    def _wrong_amount(self, needed: int, held: int, of: str) -> str:
        return f"its shape {self.shape} of {self.dtype} needs {needed:,} {of}, but it has {held:,}"

    def _typed_needed(self, element: ElementType) -> int:
        if element.name.startswith("complex"):
            return 2 * self.size
        per_number = {4: 2, 2: 4}.get(element.bits, 1)
        return -(-self.size // per_number)

    def _typed_held(self, element: ElementType) -> int:
        pieces = self.typed.get(element.typed, [])
        if element.typed == "string_data":
            return len(pieces)
        if element.typed in {"float_data", "double_data"}:
            return sum(map(len, pieces)) // (4 if element.typed == "float_data" else 8)
        return count_varints(pieces)

    def array(self) -> NDArray[Any]:
        """The values, read-only where they are a view of the file.

        bfloat16 comes as the equal float32, 4-bit and 2-bit integers as (u)int8, strings as objects. Raises
        RefusedFileError if shape and data disagree, ZooError for data outside the file and for float types
        that numpy does not have.
        """
        if problem := self.problem():
            raise RefusedFileError(f"tensor {self.name!r}: {problem}")
        if self.external is not None:
            raise ZooError(f"tensor {self.name!r}: its data are outside the file")
        if self.dtype.startswith(("float8", "float6e", "float4")):
            raise ZooError(f"tensor {self.name!r}: numpy has no type for {self.dtype}")
        if self.dtype == "string":
            texts = [bytes(piece).decode("utf-8", "replace") for piece in self.typed.get("string_data", [])]
            return np.array(texts, dtype=object).reshape(self.shape)
        try:
            values = self._from_raw(self.raw) if self.raw is not None else self._from_typed()
        except WireError as error:
            raise RefusedFileError(f"tensor {self.name!r}: {error}") from None
        return values.reshape(self.shape)

    def _from_raw(self, raw: memoryview | bytes) -> NDArray[Any]:
        if self.dtype in {"uint4", "int4", "uint2", "int2"}:
            return _unpack_small(np.frombuffer(raw, np.uint8), self.dtype, self.size)
        if self.dtype == "bfloat16":
            return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(raw, np.dtype(self.dtype).newbyteorder("<"))

    def _from_typed(self) -> NDArray[Any]:
        element = ELEMENT_TYPES[ELEMENT_CODES[self.dtype]]
        pieces = self.typed.get(element.typed, [])
        if element.typed in {"float_data", "double_data"}:
            return self._from_raw(join(pieces) if pieces else b"")
        numbers = decode_varints(pieces) if pieces else np.zeros(0, np.uint64)
        width = {4: 8, 2: 8}.get(element.bits, element.bits)
        return self._from_raw(numbers.astype(f"<u{width // 8}").tobytes())


def _unpack_small(packed: NDArray[np.uint8], dtype: str, size: int) -> NDArray[Any]:
    bits = int(dtype[-1])
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    values = ((packed[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[:size]
    if dtype.startswith("u"):
        return values
    signed = values.astype(np.int8)
    return np.where(signed >= 1 << (bits - 1), signed - (1 << bits), signed).astype(np.int8)


def parse_tensor(data: memoryview, budget: Budget) -> Tensor:
    """A TensorProto. Raises WireError if it is none, or of an element type that does not exist."""
    fields = read_message(data, TENSOR, budget)
    code = fields.get("data_type", 0)
    if code not in ELEMENT_TYPES:
        raise WireError(f"the tensor {fields.get('name', '')!r} has the unknown element type {code}")
    external = None
    if fields.get("data_location", 0) != 0 or fields.get("external_data"):
        external = read_pairs(fields.get("external_data", []), budget)
    return Tensor(
        name=fields.get("name", ""),
        dtype=ELEMENT_TYPES[code].name,
        shape=parse_shape(fields.get("dims", []), of=f"the tensor {fields.get('name', '')!r}"),
        raw=fields.get("raw_data"),
        typed={name: fields[name] for name in _TYPED if name in fields},
        external=external,
        segmented="segment" in fields,
    )


def parse_shape(pieces: list[memoryview], *, of: str) -> tuple[int, ...]:
    """The sizes in pieces of packed varints. Raises WireError for more than MAX_AXES; `of` says whose they are."""
    if (count := count_varints(pieces)) > MAX_AXES:
        raise WireError(f"{of} has {count:,} axes, and {MAX_AXES} is the most")
    return decode_ints(pieces)


def read_tensor_proto(data: bytes, *, where: str = "tensor") -> tuple[str, NDArray[Any]]:
    """Name and values of one serialised TensorProto, such as a test vector. Raises RefusedFileError."""
    try:
        tensor = parse_tensor(memoryview(data), Budget(max(1000, len(data))))
    except WireError as error:
        raise RefusedFileError(f"{where} is not an ONNX tensor: {error}") from None
    try:
        return tensor.name, tensor.array()
    except ZooError as error:
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from None


def write_tensor_proto(name: str, array: NDArray[Any]) -> bytes:
    """A serialised TensorProto with raw data, byte-equal for equal input. Raises ZooError for odd dtypes."""
    code = ELEMENT_CODES.get(array.dtype.name)
    if code is None or array.dtype.kind == "O":
        raise ZooError(f"tensor {name!r}: ONNX has no element type for {array.dtype}")
    raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    dims = b"".join(varint(dim) for dim in array.shape)
    return b"".join(
        (
            bytes_field(1, dims) if array.ndim else b"",
            number_field(2, code),
            bytes_field(8, name.encode()),
            bytes_field(9, raw),
        )
    )
