"""Test vectors in the ONNX project's own convention: `test_data_set_0/input_0.pb`, `output_0.pb`, real samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, write_atomic
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.tensors import read_tensor_proto, write_tensor_proto

Array = NDArray[Any]

FOLDER = "test_data_set_0"
RTOL, ATOL = 1e-3, 1e-7
"""What onnx's own backend tests allow."""


def write_vectors(bundle: Path, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
    """Write inputs and expected outputs, in the order of the mappings."""
    for role, arrays in (("input", inputs), ("output", outputs)):
        for number, (name, value) in enumerate(arrays.items()):
            write_atomic(bundle / FOLDER / f"{role}_{number}.pb", write_tensor_proto(name, value))


def read_vectors(bundle: Path, role: str, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of one role ("input" or "output") by name.

    Raises ZooError when a file is missing, damaged, or holds a tensor of another name.
    """
    found = {}
    for number, name in enumerate(names):
        path = bundle / FOLDER / f"{role}_{number}.pb"
        with clear_io_errors("cannot read", path):
            content = path.read_bytes()
        stored, value = read_tensor_proto(content, where=str(path))
        if stored not in {name, ""}:
            raise ZooError(f"{path} holds the tensor {stored!r}, not {name!r}")
        found[name] = value
    return found


def check_vectors(
    where: str,
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
    *,
    bounds: Mapping[str, float] | None = None,
) -> list[CheckResult]:
    """Rule "test vectors": every output within the tolerance of onnx's own backend tests, or within its bound.

    That tolerance has next to nothing to spare for values near 0, such as some logits of many: what rounding does to
    them depends on the scale of the whole output, and so does its bound, in the output's units. None: no bounds.
    """
    results = []
    for name, value in expected.items():
        found = actual[name]
        if found.shape != value.shape:
            text = f"{name} has the shape {found.shape}, not {value.shape}"
            results.append(CheckResult(rule="test vectors", outcome="failed", detail=text))
            continue
        exact = value.astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinity less infinity: a NaN, which fails
            gap = np.abs(found.astype(np.float64) - exact)
        allowed = np.maximum(ATOL + RTOL * np.abs(exact), (bounds or {}).get(name, 0.0))
        passed = bool(value.size) and bool(np.all(np.isfinite(exact) & (gap <= allowed)))
        error = float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
        text = f"{where}: {name} is off by {error:.3g} on {len(value)} samples"
        results.append(CheckResult(rule="test vectors", outcome="passed" if passed else "failed", detail=text))
    return results
