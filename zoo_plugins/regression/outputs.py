"""Which output has the numbers, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.tasks import Outputs, finite_output, output_of


def number_output(outputs: Mapping[str, Any], *, task: str) -> str:
    """The name of the output that has the numbers. Raises ZooError when it cannot be told."""
    return output_of(outputs, "values", "value", "prediction", "out", task=task)


def numbers_of(outputs: Outputs, *, task: str) -> NDArray[np.float64]:
    """The numbers (N, K) in float64. Raises ZooError for another shape, and unless all are finite."""
    name = number_output(outputs, task=task)
    values = np.asarray(outputs[name])
    if values.ndim not in {1, 2} or values.size == 0:
        raise ZooError(f"{task} needs {name} of shape (samples,) or (samples, numbers), not {values.shape}")
    return finite_output(values).reshape(len(values), -1).astype(np.float64)
