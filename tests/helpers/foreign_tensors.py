"""Named arrays in a folder, as every reader can have them: plain bytes, and `tensors.json` that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write them, each as the little-endian bytes of its rows."""
    folder.mkdir(parents=True)
    listed = []
    for number, (name, array) in enumerate(arrays.items()):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        folder.joinpath(f"{number}.bin").write_bytes(little.tobytes())
        listed.append({"name": name, "dtype": str(array.dtype), "shape": list(array.shape)})
    folder.joinpath("tensors.json").write_text(json.dumps(listed), encoding="utf-8")


def read_arrays(folder: Path) -> Arrays:
    """The inverse of `write_arrays`."""
    listed = json.loads(folder.joinpath("tensors.json").read_text(encoding="utf-8"))
    return {
        each["name"]: np.fromfile(folder / f"{number}.bin", dtype=each["dtype"]).reshape(each["shape"])
        for number, each in enumerate(listed)
    }
