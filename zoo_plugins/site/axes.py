"""Axes of a drawing: from values to places, and where ticks stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Values from `low` to `high` at places from `start` to `end`; `logarithmic` for what spans orders."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn, to a tenth of a pixel: equal values give equal texts."""
        low, high, here = self.low, self.high, value
        if self.logarithmic:
            low, high, here = math.log10(low), math.log10(high), math.log10(value)
        part = (here - low) / (high - low) if high > low else 0.5
        return round(self.start + part * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """At most about six round values."""
        return _decades(self.low, self.high) if self.logarithmic else _steps(self.low, self.high)


def axis_of(values: Sequence[float], *, start: float, end: float, logarithmic: bool = False) -> Axis:
    """An axis on which all values have room; of a logarithmic one they are above 0."""
    low, high = min(values), max(values)
    if logarithmic:
        return Axis(low=low / 1.5, high=high * 1.5, start=start, end=end, logarithmic=True)
    edge = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return Axis(low=low - edge, high=high + edge, start=start, end=end)


def _steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 6
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 12) for number in range(first, math.floor(high / step) + 1)]


def _decades(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(decades) > 5 else (1, 3) if len(decades) > 2 else (1, 2, 5)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]
