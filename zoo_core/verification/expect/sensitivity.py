"""Rule "sensitivity": outputs that do not depend on the input prove nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult

Array = NDArray[Any]

SENSITIVITY = 1000.0
GIVE_EXAMPLES = "give inputs on which it varies: examples= of the ModelSpec"
"""What whoever wrote a model can do about outputs that hardly vary."""


def check_sensitivity(
    where: str, actual: Mapping[str, Array], bounds: Mapping[str, float], *, advice: str = GIVE_EXAMPLES
) -> list[CheckResult]:
    """Rule "sensitivity": over plausible rows each output varies by at least 1000 bounds, or nothing is concluded.

    `actual` holds only plausible rows; `bounds` is the largest bound of each output, in its units; `advice` is what
    helps.
    """
    results = []
    for name, bound in bounds.items():
        variation = variation_of(actual[name])
        needed = needed_variation(bound, whole=actual[name].dtype.kind != "f")
        passed = variation >= needed and variation > 0
        text = f"{where}: {name} varies by {variation:.3g} over the inputs; {needed:.3g} is needed"
        if not passed:
            text += f", so {advice}"
        results.append(CheckResult(rule="sensitivity", outcome="passed" if passed else "not-conclusive", detail=text))
    return results


def needed_variation(bound: float, *, whole: bool) -> float:
    """What an output has to vary by, in its units: 1000 bounds; of whole numbers and truth values one step."""
    return 1.0 if whole else SENSITIVITY * bound


def variation_of(rows: Array) -> float:
    """How much the element that varies most varies over the rows, in the output's units; where all are finite."""
    wide = rows.astype(np.float64)
    if not wide.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        spread = wide.max(axis=0) - wide.min(axis=0)
    return float(np.max(spread, initial=0.0, where=np.isfinite(spread)))
