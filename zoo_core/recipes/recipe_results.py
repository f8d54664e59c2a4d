"""What a recipe of a plugin gives is held against its interface before anybody reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.answerable import Check, WrongResultError
from zoo_core.records import counted


def several(samples: Any, *_: Any, **__: Any) -> Any:
    """What a file holds, as a sequence: a generator would raise where nobody knows whose code it is."""
    return samples if isinstance(samples, Sequence | np.ndarray) else list(samples)


def a_row_each(stored: Any, recipe: Any, samples: Sequence[Any], *_: Any, **__: Any) -> Any:
    """An array with a row for each sample."""
    if not isinstance(stored, np.ndarray):
        raise WrongResultError(f"it gives a {type(stored).__name__}, not an array")
    if stored.ndim < 1 or len(stored) != len(samples):
        raise WrongResultError(f"it gives an array of shape {stored.shape} for {counted(len(samples), 'sample')}")
    return stored


CHECKS: Mapping[str, Check] = {"samples_in": several, "stack": a_row_each, "prepare": a_row_each}
