"""Weights that a file keeps in another file beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.file_limits import MAX_BESIDE_BYTES
from zoo_core.files import clear_io_errors, plain_file

from .tensors import Tensor
from .wire import OnnxFile


def stored_array(file: OnnxFile, tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor of a vetted file, wherever they are: those outside are mapped into memory, read-only.

    Raises ZooError when the other file cannot be read, and where `Tensor.array()` does.
    """
    if tensor.external is None or not tensor.size:
        return tensor.array()
    pairs = dict(tensor.external)
    path = file.path.parent / pairs["location"]
    with (
        plain_file(path, most=MAX_BESIDE_BYTES, within=file.path.parent) as stored,
        clear_io_errors("cannot read", path),
    ):
        raw = np.memmap(stored, np.uint8, "r", offset=int(pairs.get("offset", "0")), shape=(tensor.nbytes,))
    return Tensor(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, raw=raw.data).array()
