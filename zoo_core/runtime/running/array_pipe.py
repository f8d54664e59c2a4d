"""Arrays through a pipe, between two processes of which one runs a stranger's file: every length is distrusted."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

LONGEST_HEADER = 1 << 20
_KINDS = "biuf"

Arrays = dict[str, NDArray[Any]]


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """In a process that is asked through its stdin: where requests come from, and where answers go.

    Whatever else reads from stdin finds nothing, and whatever else writes to stdout reaches nobody.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return requests, answers


def send_arrays(pipe: IO[bytes], message: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Write a message of plain JSON, and numeric arrays of any shape by name."""
    held = {name: np.asarray(value, order="C") for name, value in (arrays or {}).items()}
    told = [[name, value.dtype.str, list(value.shape)] for name, value in held.items()]
    pipe.write(json.dumps({**message, "arrays": told}).encode() + b"\n")
    for value in held.values():
        pipe.write(value.reshape(-1).view(np.uint8).data)
    pipe.flush()


def receive_arrays(pipe: IO[bytes], *, most: int | None = None) -> tuple[dict[str, Any], Arrays] | None:
    """The next message and its arrays, of at most so many bytes; None where the pipe has ended.

    Raises ValueError for anything else than what `send_arrays` writes.
    """
    line = pipe.readline(LONGEST_HEADER)
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    arrays: Arrays = {}
    left = most
    for told in message.pop("arrays", ()):
        name, dtype, shape = _described(told)
        size = math.prod(shape) * dtype.itemsize
        if left is not None:
            left -= size
            if left < 0:
                raise ValueError(f"arrays of more than {most:,} bytes")
        value = np.empty(shape, dtype)
        if not _filled(pipe, value.reshape(-1).view(np.uint8).data):
            return None
        arrays[name] = value
    return message, arrays


def _described(told: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    name, kind, shape = told
    dtype = np.dtype(kind) if isinstance(kind, str) and len(kind) < 8 else np.dtype("O")
    sizes = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if not isinstance(name, str) or dtype.kind not in _KINDS or not sizes or len(shape) > 32:
        raise ValueError("an array has a name, a numeric dtype and a shape")
    return name, dtype, tuple(shape)


def _filled(pipe: IO[bytes], place: memoryview) -> bool:
    while len(place):
        count = pipe.readinto(place)  # type: ignore[attr-defined]  # the pipes of Popen are buffered binary files
        if not count:
            return False
        place = place[count:]
    return True
