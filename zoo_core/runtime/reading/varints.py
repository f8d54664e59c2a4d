"""Many packed varints at once, with numpy; `protobuf`, which reads them one by one, does without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .protobuf import WireError, join


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
    first = np.concatenate(([0], last[:-1] + 1))
    lengths = last - first + 1
    longest = int(lengths.max())
    if longest > 10:
        raise WireError("a number is longer than 64 bits")
    values = np.zeros(last.size, np.uint64)
    for index in range(longest):
        there = lengths > index
        part = (raw[first[there] + index] & 0x7F).astype(np.uint64)
        values[there] |= part << np.uint64(7 * index)
    return values


def decode_ints(pieces: list[memoryview]) -> tuple[int, ...]:
    """Signed 64-bit numbers in pieces of packed varints."""
    return tuple(decode_varints(pieces).view(np.int64).tolist())
