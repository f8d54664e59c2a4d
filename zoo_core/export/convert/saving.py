"""The model on the disk: one file, or above 2 GB `model.onnx` with its weights in `model.onnx.data` beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo_core.bundle_files import DATA_FILE, MODEL_FILE
from zoo_core.export.plan.plan import LARGEST_FILE
from zoo_core.files import clear_io_errors, write_atomic

from .clean import serialized

ROOM = 1 << 26
"""For nodes and metadata, which stay in the file; weights that would leave them less go to a file of their own."""
SMALLEST_OUTSIDE = 1 << 10
"""Tensors of fewer bytes stay inside: shapes and axes, which tools want to read without a second file."""
LARGE_TENSOR, LARGE_STEP, SMALL_STEP = 1 << 20, 1 << 16, 1 << 6
"""Where a tensor may begin: a large one where every system can map it into memory, others where nothing is wasted."""
PIECE = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that is ready to be written: `proto`, and the weights that it keeps outside, by name.

    Where there are any, `proto` already says at which offset of `model.onnx.data` each lies, in this order.
    """

    proto: onnx.ModelProto = field(repr=False)
    outside: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)


def model_of(program: Any, *, largest: int = LARGEST_FILE) -> Model:
    """The model of an `onnx_ir` program, which stays as it is; with weights outside where one file of `largest` bytes
    could not hold them.

    Weights outside are not copied: they are the program's own memory until they are written.
    """
    import onnx_ir

    if sum(value.const_value.nbytes for value in _stored(program)) + min(ROOM, largest // 2) <= largest:
        return Model(proto=onnx_ir.to_proto(program))
    program = program.clone()
    outside: dict[str, NDArray[Any]] = {}
    place = 0
    for value in _stored(program):
        array = value.const_value.numpy()
        # Types of less than a byte are packed in a file, and are not in memory.
        if array.nbytes < SMALLEST_OUTSIDE or array.nbytes != value.const_value.nbytes:
            continue
        place = _begin(place, array.nbytes)
        outside[value.name] = array
        value.const_value = onnx_ir.ExternalTensor(
            DATA_FILE,
            place,
            array.nbytes,
            value.const_value.dtype,
            shape=value.const_value.shape,
            name=value.name,
        )
        place += array.nbytes
    return Model(proto=onnx_ir.to_proto(program), outside=outside)


def _stored(program: Any) -> list[Any]:
    return [value for value in program.graph.initializers.values() if value.const_value is not None]


def _begin(place: int, size: int) -> int:
    step = LARGE_STEP if size >= LARGE_TENSOR else SMALL_STEP
    return -(-place // step) * step


def save_model(model: Model, folder: Path) -> dict[str, str]:
    """Write the model into `folder`; the sha256 of each file by name, taken of the bytes before they reach the disk.

    Weights outside are streamed, a piece at a time. Raises ZooError when they cannot be written, and NotVerifiedError
    when what stays inside does not fit in one file.
    """
    digests = {}
    if model.outside:
        digests[DATA_FILE] = _write_outside(model.outside, folder / DATA_FILE)
    content = serialized(model.proto)
    write_atomic(folder / MODEL_FILE, content)
    return {**digests, MODEL_FILE: hashlib.sha256(content).hexdigest()}


def _write_outside(outside: Mapping[str, NDArray[Any]], path: Path) -> str:
    digest = hashlib.sha256()
    with clear_io_errors("cannot write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not beside it and renamed: the folder is one that is built, and it is published as a whole.
        with path.open("wb") as file:
            for piece in _pieces(outside):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    return digest.hexdigest()


def _pieces(outside: Mapping[str, NDArray[Any]]) -> Iterator[bytes | memoryview]:
    place = 0
    for array in outside.values():
        begin = _begin(place, array.nbytes)
        yield bytes(begin - place)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        flat = np.ascontiguousarray(little).reshape(-1).view(np.uint8).data
        for start in range(0, len(flat), PIECE):
            yield flat[start : start + PIECE]
        place = begin + array.nbytes
