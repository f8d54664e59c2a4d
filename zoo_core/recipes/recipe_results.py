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


def axes(shape: Any, *_: Any) -> Any:
    """The axes after the batch, or None."""
    sizes = shape if isinstance(shape, tuple | list) else [shape]
    if shape is not None and (sizes is not shape or not all(isinstance(size, int | None) for size in sizes)):
        raise WrongResultError(f"it is {shape!r}, not a tuple of sizes such as (16,), with None for an unknown one")
    return shape


def a_range(values: Any, *_: Any) -> Any:
    """A lowest and a highest number, or None."""
    pair = values is None or (isinstance(values, tuple | list) and len(values) == 2)
    if not pair or not all(isinstance(value, int | float | np.number) for value in values or ()):
        raise WrongResultError(f"it is {values!r}, not a lowest and a highest number such as (0, 128)")
    return values


def names(texts: Any, *_: Any) -> Any:
    """Names of columns."""
    if not isinstance(texts, tuple | list) or not all(isinstance(text, str) for text in texts):
        raise WrongResultError(f"it is {texts!r}, not a tuple of names")
    return texts


CHECKS: Mapping[str, Check] = {
    "samples_in": several,
    "stack": a_row_each,
    "prepare": a_row_each,
    "shape": axes,
    "values": a_range,
    "needed_columns": names,
}
