"""Many packed varints at once, with numpy; `protobuf`, which reads them one by one, does without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .protobuf import WireError, join

_AT_ONCE = 1 << 16
"""Numbers that are taken apart at a time: it takes five times the memory of what comes out."""


def count_varints(pieces: list[memoryview]) -> int:
    """How many numbers there are in pieces of packed varints."""
    return sum(int(np.count_nonzero(np.frombuffer(piece, np.uint8) < 0x80)) for piece in pieces)


def decode_varints(pieces: list[memoryview]) -> NDArray[np.uint64]:
    """The numbers in pieces of packed varints, without a Python loop over them. Raises WireError."""
    raw = np.frombuffer(join(pieces), np.uint8)
    if raw.size == 0:
        return np.zeros(0, np.uint64)
    last = np.flatnonzero(raw < 0x80)
    if last.size == 0 or last[-1] != raw.size - 1:
        raise WireError("it ends in the middle of a number", reason="cut-short")
    values = np.zeros(last.size, np.uint64)
    begin = 0
    for start in range(0, last.size, _AT_ONCE):
        ends = last[start : start + _AT_ONCE]
        _decode(raw, begin, ends, values[start : start + _AT_ONCE])
        begin = int(ends[-1]) + 1
    return values


def _decode(raw: NDArray[np.uint8], begin: int, ends: NDArray[np.int64], values: NDArray[np.uint64]) -> None:
    """The numbers that end at `ends`, the first of which begins at `begin`, into `values`."""
    first = np.concatenate(([begin], ends[:-1] + 1))
    lengths = ends - first + 1
    longest = int(lengths.max())
    if longest > 10:
        raise WireError("a number is longer than 64 bits")
    for index in range(longest):
        there = lengths > index
        part = (raw[first[there] + index] & 0x7F).astype(np.uint64)
        values[there] |= part << np.uint64(7 * index)


def decode_ints(pieces: list[memoryview]) -> tuple[int, ...]:
    """Signed 64-bit numbers in pieces of packed varints."""
    return tuple(decode_varints(pieces).view(np.int64).tolist())
