"""Outputs of few numbers a row, such as one of a regression: further rows show how large their rounding errors are.

Of three rows of one number each the largest error of float32 may be a tenth of the usual one, by luck; a healthy file
is then refused in two to twenty of a hundred draws of the weights. Only PyTorch runs these rows, not the file.
"""

from __future__ import annotations

import math

import numpy as np

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.verification.expect.bounds import FEW_NUMBERS, OutputBound
from zoo_core.verification.feed.rows import make_rows
from zoo_core.verification.feed.sizes import Sizes

from .case import corners
from .reference import ReferenceResult, TorchReference


def bounds_of_further_rows(
    plan: ExportPlan, reference: TorchReference, sizes: Sizes, result: ReferenceResult, *, seed: int
) -> dict[str, OutputBound]:
    """The bounds of outputs of few numbers on noise and extremes of their own; none where PyTorch fails on these.

    `result`: what PyTorch gives for the rows of the check.
    """
    few = {
        name: value[:1].size
        for name, value in result.float64.items()
        if value.dtype.kind == "f" and 0 < value[:1].size < FEW_NUMBERS
    }
    if not few or result.kind == "relative":
        return {}
    count = math.ceil(FEW_NUMBERS / min(few.values()))
    drawn = make_rows(plan.inputs, ranges=plan.ranges, sizes=sizes, seed=seed, noise=count, extremes=count)
    rows = drawn.take([*drawn.of("noise"), *drawn.of("extreme")])
    try:
        found = reference.run(rows.inputs)
    except NotVerifiedError:
        return {}  # extremes that PyTorch refuses: the rows of the check say what it refuses
    unlikely = corners(rows)
    kept = np.flatnonzero(found.finite | (~unlikely & found.alike))
    if not len(kept):
        return {}
    bounds = found.take(kept).bounds(corner=unlikely[kept])
    return {name: bounds[name] for name in few}
