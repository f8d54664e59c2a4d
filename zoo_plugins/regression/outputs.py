"""Which output has the numbers, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.tasks import Outputs, finite_output

_OUTPUTS = ("values", "value", "prediction", "out")


def output_of(outputs: Mapping[str, Any], *, task: str) -> str:
    """The name of the output that has the numbers. Raises ZooError when it cannot be told."""
    if len(outputs) == 1:
        return next(iter(outputs))
    for name in _OUTPUTS:
        if name in outputs:
            return name
    wanted = ", ".join(map(repr, _OUTPUTS))
    raise ZooError(f"{task} needs one output, or one called {wanted}; the outputs are: {', '.join(outputs)}")


def numbers_of(outputs: Outputs, *, task: str) -> NDArray[np.float64]:
    """The numbers (N, K) in float64. Raises ZooError for another shape, and unless all are finite."""
    name = output_of(outputs, task=task)
    values = np.asarray(outputs[name])
    if values.ndim not in {1, 2} or values.size == 0:
        raise ZooError(f"{task} needs {name} of shape (samples,) or (samples, numbers), not {values.shape}")
    return finite_output(values).reshape(len(values), -1).astype(np.float64)
