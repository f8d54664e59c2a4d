"""Rule "test vectors": real samples, with what PyTorch gives for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, counted

from .odd_places import LEAST_DECIDED, alike

Array = NDArray[Any]

RTOL, ATOL = 1e-3, 1e-7
"""What onnx's own backend tests allow."""


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
        passed, error = _compared(value, found, bound=(bounds or {}).get(name, 0.0))
        text = f"{where}: {name} is off by {error:.3g} on {counted(len(value), 'sample')}"
        results.append(CheckResult(rule="test vectors", outcome="passed" if passed else "failed", detail=text))
    return results


def _compared(expected: Array, found: Array, *, bound: float) -> tuple[bool, float]:
    """Whether one output is as expected, and how far it is from that; what is infinite or NaN must be the same."""
    if expected.dtype.kind != "f":
        equal = float(np.mean(found == expected)) if expected.size else 0.0
        gap = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        return equal >= LEAST_DECIDED, float(gap.max(initial=0.0))
    exact = expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = np.where(alike(found, expected), 0.0, np.abs(found.astype(np.float64) - exact))
    allowed = np.maximum(np.where(np.isfinite(exact), ATOL + RTOL * np.abs(exact), 0.0), bound)
    passed = bool(expected.size) and bool(np.all(gap <= allowed))  # written so that a NaN fails
    return passed, float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
