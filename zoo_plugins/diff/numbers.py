"""The values of stored tensors: one digest for equal values however they are written, and their distance."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.runtime import OnnxFile, stored_array

_UNKNOWN_TO_NUMPY = ("float8", "float6e", "float4")
_PIECE = 1 << 20
"""Numbers that are compared at a time: a large tensor is never copied as a whole."""


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far one tensor is from another of its shape.

    `largest` is max|B - A|, `relative` that as a part of max|A|, `moved` is |B - A| / |A| (Euclidean norms), `cosine`
    the cosine between both. Infinite or NaN where the values are.
    """

    largest: float
    relative: float
    moved: float
    cosine: float
    squared: float
    squared_a: float


def values_of(file: OnnxFile, tensor: Any) -> NDArray[Any]:
    """The values of a tensor, flat; of a type that numpy lacks its bytes.

    Raises RefusedFileError or ZooError where they cannot be read.
    """
    if not tensor.dtype.startswith(_UNKNOWN_TO_NUMPY):
        return stored_array(file, tensor).reshape(-1)
    if tensor.raw is not None or tensor.external is not None:
        return stored_array(file, dataclasses.replace(tensor, dtype="uint8", shape=(tensor.nbytes,)))
    count = (
        -(-tensor.size // 2) if tensor.dtype.startswith("float4") else tensor.size
    )  # as numbers that hold their bits
    return stored_array(file, dataclasses.replace(tensor, dtype="int32", shape=(count,))).astype(np.uint8)


def digest_of(file: OnnxFile, tensor: Any) -> bytes:
    """Equal for tensors of one type and shape that are equal bit by bit, and for no others."""
    digest = hashlib.sha256(f"{tensor.dtype} {tensor.shape} ".encode())
    values = values_of(file, tensor)
    if values.dtype == object:
        digest.update("\0".join(f"{len(text)} {text}" for text in values.tolist()).encode())
    elif values.size:
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)
    return digest.digest()


def has_distance(tensor: Any) -> bool:
    """Whether its values are numbers that can be subtracted."""
    return not tensor.dtype.startswith((*_UNKNOWN_TO_NUMPY, "string", "complex"))


def distance(first: NDArray[Any], second: NDArray[Any]) -> Distance:
    """How far two flat arrays of one size are from each other, both read in pieces."""
    largest = size = squared = squared_a = squared_b = product = 0.0
    with np.errstate(all="ignore"):
        for one, other in _pieces(first, second):
            gap = gaps(one, other)
            largest = max(largest, _largest(gap))
            size = max(size, _largest(np.abs(one)))
            squared += float(gap @ gap)
            squared_a += float(one @ one)
            squared_b += float(other @ other)
            product += float(one @ other)
        norms = math.sqrt(squared_a) * math.sqrt(squared_b)
    return Distance(
        largest=largest,
        relative=ratio(largest, size),
        moved=ratio(math.sqrt(squared), math.sqrt(squared_a)),
        cosine=product / norms if norms else math.nan,
        squared=squared,
        squared_a=squared_a,
    )


def gaps(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """|second - first| in float64; 0 where both are NaN or the same infinity, infinite where only one is."""
    one, other = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        return np.where(same, 0.0, np.nan_to_num(np.abs(other - one), nan=np.inf, posinf=np.inf))


def ratio(part: float, whole: float) -> float:
    """A part of a whole; of nothing, nothing is 0 and anything else infinite."""
    if whole:
        return part / whole
    return math.inf if part else 0.0


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.nan_to_num(values, nan=np.inf, posinf=np.inf).max(initial=0.0))


def _pieces(first: NDArray[Any], second: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for start in range(0, first.size, _PIECE):
        part = slice(start, start + _PIECE)
        yield first[part].astype(np.float64), second[part].astype(np.float64)
