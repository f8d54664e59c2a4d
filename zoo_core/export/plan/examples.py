"""Example inputs that a model's plugin brings, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.registry import Model
from zoo_core.shapes import TensorSpec
from zoo_core.verification.feed.sizes import sizes_of

Array = NDArray[Any]
SHOWN = "examples= of its ModelSpec gives arrays (rows, ...) by the names of its inputs"


def example_rows(model: Model, options: Mapping[str, Any], inputs: Mapping[str, TensorSpec]) -> dict[str, Array] | None:
    """What `ModelSpec.examples` gives, (rows, ...) by input name; None where there are none.

    Raises ZooError for what does not fit the inputs, or is not finite.
    """
    if model.spec.examples is None:
        return None
    try:
        given = dict(model.spec.examples(**options))
    except Exception as error:
        raise ZooError(
            f"{model.name}: its examples cannot be made: {type(error).__name__}: {error}", hint=SHOWN
        ) from error
    if set(given) != set(inputs):
        told = (
            f"{model.name}: its examples are of {', '.join(map(str, given)) or 'nothing'}, not of {', '.join(inputs)}"
        )
        raise ZooError(told, hint=SHOWN)
    rows = {name: np.asarray(given[name]) for name in inputs}
    counts = {name: len(value) if value.ndim else 0 for name, value in rows.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise ZooError(f"{model.name}: its examples are {told}, and have to be as many of each input", hint=SHOWN)
    for name, value in rows.items():
        _check(model, name, value, inputs[name])
    try:
        sizes_of({name: (1, *value.shape[1:]) for name, value in rows.items()}, inputs)
    except ZooError as error:
        raise ZooError(f"{model.name}: its examples do not fit: {error.message}", hint=SHOWN) from None
    return rows


def _check(model: Model, name: str, value: Array, spec: TensorSpec) -> None:
    if str(value.dtype) != spec.dtype:
        raise ZooError(f"{model.name}: its examples of {name} are {value.dtype}, not {spec.dtype}", hint=SHOWN)
    if not np.isfinite(value).all():
        raise ZooError(f"{model.name}: its examples of {name} are not all finite", hint=SHOWN)
