"""The array in a .npy file, without what numpy does for a header that it does not distrust."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.file_limits import MAX_AXES


def array_of_npy(content: bytes) -> NDArray[Any]:
    """The array in a .npy file, of numbers or bool. Raises ValueError that says in words what is wrong."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # noqa: BLE001 it is Python's own parser that numpy gives a header to
        raise ValueError(f"its header is damaged: {_first_line(error)}") from None
    if dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype}, not numbers"[:200])
    sizes = [max(1, size) for size in shape]  # where one is 0, the others overflow whoever multiplies them
    if len(shape) > MAX_AXES or min(shape, default=0) < 0 or math.prod(sizes) >= 1 << 48:
        raise ValueError(f"its header gives it the shape {shape}"[:200])
    data = memoryview(content)[file.tell() :]
    needed = math.prod(shape) * dtype.itemsize
    if len(data) != needed:
        raise ValueError(f"its shape {shape} of {dtype} needs {needed:,} bytes, but it has {len(data):,}"[:300])
    if not needed:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
