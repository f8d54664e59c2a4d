"""What a safetensors file says of its tensors, looked at before anything is made of it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from zoo_core.bounded_json import is_plain_number, load_json
from zoo_core.file_limits import MAX_AXES, MAX_SAFETENSORS_HEADER, MAX_TENSOR_NAME, MAX_TENSORS, MAX_WEIGHTS_BYTES
from zoo_core.files import plain_file

KEY = "zoo"
"""One key, because safetensors does not keep the order of several, and equal runs give equal files."""


def check_header(path: Path) -> None:
    """Raise ValueError, in words, for a header that is none, or that asks for more work than any model's weights."""
    with plain_file(path, most=MAX_WEIGHTS_BYTES) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise ValueError(f"it has {size:,} bytes, and its header does not end in them")
        if length > MAX_SAFETENSORS_HEADER:
            raise ValueError(f"its header has over {MAX_SAFETENSORS_HEADER >> 20} MB")
        header = file.read(length)
    # Counted before it is parsed: a million entries are a minute of work.
    if header.count(b"data_offsets") > MAX_TENSORS:
        raise ValueError(f"it has over {MAX_TENSORS:,} tensors")
    entries = load_json(header, unique_keys=True)
    if not isinstance(entries, dict) or len(entries) > MAX_TENSORS:
        raise ValueError(f"its header is no object of at most {MAX_TENSORS:,} tensors")
    for name, entry in entries.items():
        if len(name) > MAX_TENSOR_NAME:
            raise ValueError(f"the name {name[:40]!r}... has over {MAX_TENSOR_NAME:,} characters")
        if name != "__metadata__" and not _is_shape(entry.get("shape") if isinstance(entry, dict) else None):
            raise ValueError(f"the tensor {name!r} has no shape that can exist")


def facts_of(path: Path) -> dict[str, Any]:
    """What `save_tensors` has written beside the tensors; whether the file is whole is not looked at.

    Raises ValueError, OSError or ZooError for a file without.
    """
    with plain_file(path, most=MAX_WEIGHTS_BYTES) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_SAFETENSORS_HEADER:
            raise ValueError(f"its header has over {MAX_SAFETENSORS_HEADER >> 20} MB")
        header = load_json(file.read(length))
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    facts = load_json(metadata.get(KEY, "{}")) if isinstance(metadata, dict) else None
    if not isinstance(facts, dict):
        raise ValueError("it has no facts")
    return facts


def _is_shape(shape: Any) -> bool:
    if not isinstance(shape, list) or len(shape) > MAX_AXES:
        return False
    if not all(is_plain_number(size) and 0 <= size < 1 << 40 for size in shape):
        return False
    # Also where one of them is 0, others overflow who multiplies them.
    return bool(math.prod(max(1, size) for size in shape) < 1 << 48)
