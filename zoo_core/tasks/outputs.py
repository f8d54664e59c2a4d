"""Outputs as every task reads them: which of several counts, and whether its numbers are finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted


def output_of(outputs: Mapping[str, Any], *names: str, task: str) -> str:
    """The name of the output that a task reads: the only one, else the first of `names` that there is.

    Raises ZooError, which calls the task `task`, when there are several outputs and none of them is named so.
    """
    if len(outputs) == 1:
        return next(iter(outputs))
    for name in names:
        if name in outputs:
            return name
    wanted = " or ".join(map(repr, names))
    raise ZooError(f"{task} needs one output, or one called {wanted}; the outputs are: {', '.join(outputs)}")


def finite_output(values: NDArray[Any]) -> NDArray[Any]:
    """The same values. Raises ZooError unless all are finite; the samples lie along the first axis."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise ZooError(
            f"the model's output is not a finite number for {int((~finite).sum())} of {counted(len(values), 'sample')}",
            hint="in training: a smaller learning rate; otherwise check the weights and the inputs",
        )
    return values
