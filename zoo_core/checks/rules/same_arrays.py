"""Whether arrays, and what else a recipe gives, are the same: but for padding, or but for the order of a sum."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.checks.rule import BrokenRuleError

SAME = 1e-5
"""Of the largest value: what the order of a sum may change between a batch and its samples one by one."""


def is_padded(alone: NDArray[Any], among: NDArray[Any]) -> bool:
    """Whether the second is the first but for one value at an end of some axes."""
    if alone.ndim != among.ndim or any(own > size for own, size in zip(alone.shape, among.shape, strict=True)):
        return False
    ends = [
        [slice(own), slice(size - own, size)] if own < size else [slice(None)]
        for own, size in zip(alone.shape, among.shape, strict=True)
    ]
    for place in itertools.product(*ends):
        padding = np.ones(among.shape, np.bool_)
        padding[place] = False
        if close(alone, among[place]) and len(np.unique(among[padding])) <= 1:
            return True
    return False


def close(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Whether numbers are equal, floats but for the order of a sum."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.dtype.kind != "f":
        return bool(np.array_equal(first, second))
    largest = float(np.abs(second).max(initial=0.0))
    return bool(np.allclose(first, second, rtol=0, atol=SAME * largest, equal_nan=True))


def need_same(found: Sequence[Any], wanted: Sequence[Any], otherwise: str) -> None:
    """Raise BrokenRuleError where one of them differs in anything."""
    if not all(_same(one, two) for one, two in zip(found, wanted, strict=True)):
        raise BrokenRuleError(otherwise)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray):
        equal = one.dtype.kind == "f" and np.array_equal(one, two, equal_nan=True)
        return isinstance(two, np.ndarray) and one.dtype == two.dtype and bool(equal or np.array_equal(one, two))
    if isinstance(one, Mapping):
        return one.keys() == two.keys() and all(_same(value, two[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(_same, one, two))
    is_nan = isinstance(one, float) and one != one
    return bool(one == two) or (is_nan and two != two)
