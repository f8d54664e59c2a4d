"""Which output of a model is the one that counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core import ZooError

_OUTPUTS = ("embedding", "vector", "out")


def output_of(outputs: Mapping[str, Any], *, task: str) -> str:
    """The name of the output that has the vectors. Raises ZooError when it cannot be told."""
    if len(outputs) == 1:
        return next(iter(outputs))
    for name in _OUTPUTS:
        if name in outputs:
            return name
    wanted = ", ".join(map(repr, _OUTPUTS))
    raise ZooError(f"{task} needs one output, or one called {wanted}; the outputs are: {', '.join(outputs)}")
