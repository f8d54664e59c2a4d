"""What an exported file says of itself, found without reading the rest: for lists, which neither run nor vet it."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_LISTED_FIELDS, MAX_ONNX_BYTES
from zoo_core.files import plain_file

from .protobuf import Budget, Field, WireError, read_message, read_pairs
from .strict_json import load_strict

KEY = "zoo"
"""Under which the file's metadata hold it, as one JSON object (see `metadata`)."""

_METADATA = {14: Field("metadata_props", "message", repeated=True)}


def own_words(path: Path) -> dict[str, Any]:
    """The JSON object in the metadata of an ONNX file, its values as they are; empty where it cannot be read.

    The weights are stepped over, so that a file of 2 GB takes no longer than a small one.
    """
    try:
        with plain_file(path, most=MAX_ONNX_BYTES) as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        budget = Budget(MAX_LISTED_FIELDS)
        found = read_message(memoryview(content), _METADATA, budget)
        return load_strict(dict(read_pairs(found.get("metadata_props", []), budget))[KEY])
    except (OSError, ValueError, KeyError, WireError, ZooError):
        # Empty, damaged, or not from us: whoever opens the file is told which.
        return {}
