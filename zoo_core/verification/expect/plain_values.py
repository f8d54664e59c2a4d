"""Plain JSON values that come from a file: nothing about them is believed."""

from __future__ import annotations

import math
from typing import Any


def is_number(value: Any) -> bool:
    """A finite number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def is_int(value: Any, *, low: int, below: int) -> bool:
    """An integer from `low` on, below `below`."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < below
