"""Numbers as the protocol writes them: names of data types, JSON lists, and bytes in the order of this machine."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .refusals import RefusedError

NAMES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "int8": "INT8",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}
"""What the protocol calls a dtype; every dtype of a TensorSpec is here."""

_KINDS = {"b": "b", "u": "iu", "i": "iu", "f": "iuf"}
"""Which JSON numbers may become which dtype: true is no 1, and 1.5 no integer."""
_MOST_AXES = 16


def shape_of(value: Any, *, name: str) -> tuple[int, ...]:
    """The shape that a request gives. Raises RefusedError."""
    sizes = isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)
    if not sizes or len(value) > _MOST_AXES:
        raise RefusedError(400, f"input {name!r}: its shape is a list of sizes, not {str(value)[:60]}")
    return tuple(value)


def from_json(data: Any, *, dtype: str, shape: Sequence[int], name: str) -> NDArray[Any]:
    """The array of a JSON list, flat or nested. Raises RefusedError."""
    if not isinstance(data, list):
        raise RefusedError(400, f"input {name!r} has no list of numbers as its data")
    try:
        values = np.array(data) if data else np.empty(0, dtype)
    except (ValueError, OverflowError):
        raise RefusedError(400, f"input {name!r}: its data are no numbers in rows of equal length") from None
    own = np.dtype(dtype)
    if values.dtype.kind not in _KINDS[own.kind]:
        held = {"f": "numbers with a fraction", "b": "true and false", "i": "whole numbers", "u": "whole numbers"}
        found = held.get(values.dtype.kind, "what is no number")
        raise RefusedError(400, f"input {name!r} is {NAMES[dtype]}, and its data hold {found}")
    _check_count(values.size, shape, name)
    if own.kind in "iu" and values.size:
        limits = np.iinfo(own)
        if values.min() < limits.min or values.max() > limits.max:
            raise RefusedError(400, f"input {name!r} holds a number beyond the range of {NAMES[dtype]}")
    with np.errstate(over="ignore"):  # an infinite number is told of where the input is checked
        return values.astype(own).reshape(shape)


def from_bytes(content: memoryview, *, dtype: str, shape: Sequence[int], name: str) -> NDArray[Any]:
    """The array of the binary extension, which nobody can write to. Raises RefusedError."""
    own = np.dtype(dtype).newbyteorder("<")
    if len(content) % own.itemsize:
        raise RefusedError(400, f"input {name!r}: {len(content):,} bytes are no whole number of {NAMES[dtype]}")
    _check_count(len(content) // own.itemsize, shape, name)
    if own.kind == "b" and content and max(content) > 1:
        raise RefusedError(400, f"input {name!r} is BOOL, and holds a byte that is neither 0 nor 1")
    return np.frombuffer(content, own).astype(dtype, copy=sys.byteorder != "little").reshape(shape)


def to_bytes(value: NDArray[Any]) -> bytes:
    """The bytes of the binary extension."""
    return np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False).tobytes()


def _check_count(held: int, shape: Sequence[int], name: str) -> None:
    if held != math.prod(shape):
        raise RefusedError(
            400,
            f"input {name!r} has the shape {list(shape)}, which are {math.prod(shape):,} numbers, and holds {held:,}",
        )
