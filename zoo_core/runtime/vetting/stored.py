"""Stored tensors: as many bytes as their shape says, and no path that leads out of the bundle."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from zoo_core.file_limits import MAX_BESIDE_BYTES, MAX_SLACK_BYTES
from zoo_core.runtime.reading.strict_json import has_control_characters
from zoo_core.runtime.reading.tensors import Tensor
from zoo_core.runtime.reading.wire import OnnxFile, refused

MAX_ELEMENTS = 1 << 40
_KEYS = {"location", "offset", "length", "checksum"}


def check_data(file: OnnxFile) -> None:
    """Every stored tensor holds what its shape needs, in the file or in a harmless file beside it."""
    ends: dict[str, tuple[int, int]] = {}
    for tensor in (tensor for graph in file.graph.walk() for tensor in graph.all_tensors()):
        # A shape like (0, 2**62) needs no bytes, and overflows whoever multiplies its strides.
        if any(not 0 <= dim < MAX_ELEMENTS for dim in tensor.shape) or tensor.size >= MAX_ELEMENTS:
            raise refused(file.path, "tensor-size", f"the tensor {tensor.name!r} has the shape {tensor.shape}")
        if problem := tensor.problem():
            raise refused(file.path, "tensor-size", f"the tensor {tensor.name!r}: {problem}")
        if tensor.external is not None:
            location, end, size = _check_external(file, tensor)
            ends[location] = max(end, ends.get(location, (0, 0))[0]), size
    for location, (end, size) in ends.items():
        if size > MAX_BESIDE_BYTES or size > 2 * end + MAX_SLACK_BYTES:
            detail = f"{location} has {size:,} bytes, of which the tensors of this file end at {end:,}"
            raise refused(file.path, "external-data-size", detail)
    for graph in file.graph.walk():
        for sparse in graph.all_sparse():
            # onnxruntime makes sparse tensors dense when it loads the file.
            if any(dim < 0 for dim in sparse.shape) or _product(sparse.shape) > 64 * max(1, sparse.values.size) + 4096:
                detail = f"the sparse tensor {sparse.name!r} would grow to the shape {sparse.shape}"
                raise refused(file.path, "amplification", detail)


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for dim in shape:
        size *= dim
    return size


def _check_external(file: OnnxFile, tensor: Tensor) -> tuple[str, int, int]:
    """The file that a tensor lies in, where it ends there, and the size of that file."""
    what = f"the data of {tensor.name!r}"
    keys = [key for key, _ in tensor.external or ()]
    if len(set(keys)) != len(keys) or not set(keys) <= _KEYS or "location" not in keys:
        detail = f"{what} are described by the keys {', '.join(keys)[:100] or 'none'}"
        raise refused(file.path, "external-data-keys", detail)
    pairs = dict(tensor.external or ())
    numbers = {key: pairs.get(key, "0") for key in ("offset", "length")}
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in numbers.values()):
        raise refused(file.path, "external-data-keys", f"{what} have an offset or length that is not a number")
    offset, length = int(numbers["offset"]), int(numbers["length"])
    size = _size_beside(file, pairs["location"], what)
    if "length" in pairs and length != tensor.nbytes:
        detail = f"{what} need {tensor.nbytes:,} bytes, but {length:,} are announced"
        raise refused(file.path, "external-data-size", detail)
    if tensor.dtype == "string" or offset + tensor.nbytes > size:
        detail = f"{what} end at byte {offset + tensor.nbytes:,} of a file of {size:,}"
        raise refused(file.path, "external-data-size", detail)
    return pairs["location"], offset + tensor.nbytes, size


def _size_beside(file: OnnxFile, location: str, what: str) -> int:
    """The size of the file at `location`, which must be a plain file in the bundle, reached without links."""
    parts = location.split("/")
    odd = "\\" in location or ":" in location or "*" in location or has_control_characters(location)
    if odd or any(part in {"", ".", ".."} or part != part.strip() for part in parts):
        raise refused(
            file.path,
            "external-data-path",
            f"{what} would be read from {location[:200]!r}",
            hint="external data lie in the folder of the .onnx file",
        )
    status = None
    for path in _steps(file.path.parent, parts):
        try:
            status = os.lstat(path)
        except OSError as error:
            detail = f"{what} should be in {path}: {error.strerror}"
            hint = "copy the whole folder, not the .onnx file alone"
            raise refused(file.path, "external-data-missing", detail, hint=hint) from None
        if stat.S_ISLNK(status.st_mode):
            raise refused(file.path, "external-data-link", f"{what}: {path} is a link")
    if status is None or not stat.S_ISREG(status.st_mode):
        raise refused(file.path, "external-data-link", f"{what}: {location} is not a plain file")
    if status.st_nlink != 1:
        raise refused(file.path, "external-data-link", f"{what}: {location} has a second name (a hard link)")
    if os.path.samestat(status, os.stat(file.path)):
        raise refused(file.path, "external-data-path", f"{what} would be read from the .onnx file itself")
    return status.st_size


def _steps(folder: Path, parts: list[str]) -> Iterator[Path]:
    for part in parts:
        folder = folder / part
        yield folder
