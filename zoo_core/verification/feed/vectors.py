"""Test vectors in the ONNX project's own convention: `test_data_set_0/input_0.pb`, `output_0.pb`, real samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core.bundle_files import VECTORS_FOLDER
from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_VECTOR_BYTES
from zoo_core.files import read_plain, write_atomic
from zoo_core.runtime.reading.tensors import read_tensor_proto, write_tensor_proto

Array = NDArray[Any]


def write_vectors(bundle: Path, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
    """Write inputs and expected outputs, in the order of the mappings."""
    for role, arrays in (("input", inputs), ("output", outputs)):
        for number, (name, value) in enumerate(arrays.items()):
            write_atomic(bundle / VECTORS_FOLDER / f"{role}_{number}.pb", write_tensor_proto(name, value))


def read_vectors(bundle: Path, role: str, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of one role ("input" or "output") by name.

    Raises ZooError when a file is missing, damaged, or holds a tensor of another name.
    """
    found = {}
    for number, name in enumerate(names):
        path = bundle / VECTORS_FOLDER / f"{role}_{number}.pb"
        content = read_plain(path, most=MAX_VECTOR_BYTES, within=bundle)
        stored, value = read_tensor_proto(content, where=str(path))
        if stored not in {name, ""}:
            raise ZooError(f"{path} holds the tensor {stored!r}, not {name!r}")
        found[name] = value
    return found
