"""Learning-rate schedules as pure functions of the step: a resumed run needs no scheduler state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zoo_core.records import EpochRow

from .epoch_rows import best_row

Kind = Literal["constant", "step", "cosine", "one-cycle", "plateau"]

RISE = 0.3
"""The part of a one-cycle run in which the rate rises, unless `warmup` says otherwise."""

START = 1 / 25
"""Where a one-cycle run starts, as a part of the peak rate."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate of every step: `schedule(step)`, steps count from 0.

    `constant`; `step`: times `gamma` every `step_size` epochs; `cosine`: down to 0; `one-cycle`: up from a
    25th of the peak, then down to 0, both along a cosine; `plateau`: constant, and a `Plateau` lowers it. `warmup`:
    epochs of linear rise before the others, or of the rise of `one-cycle`. `start`: epochs before the schedule begins,
    which has those from there to `epochs`.
    """

    kind: Kind
    peak: float
    epochs: int
    steps_per_epoch: int
    warmup: int = 0
    step_size: int = 10
    gamma: float = 0.1
    start: int = 0

    def __call__(self, step: int) -> float:
        step -= self.start * self.steps_per_epoch
        rise = self._rise
        if step < rise:
            if self.kind == "one-cycle":
                return _cosine(START * self.peak, self.peak, step / rise)
            return self.peak * (step + 1) / rise
        if self.kind in {"constant", "plateau"}:
            return self.peak
        if self.kind == "step":
            return self.peak * float(self.gamma ** (step // self.steps_per_epoch // self.step_size))
        total = self._length
        return _cosine(self.peak, 0.0, (step - rise) / max(1, total - rise))

    @property
    def _rise(self) -> int:
        if self.kind == "one-cycle" and not self.warmup:
            return round(RISE * self._length)
        return self.warmup * self.steps_per_epoch

    @property
    def _length(self) -> int:
        return (self.epochs - self.start) * self.steps_per_epoch


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """What the learning rate is multiplied by after some epochs: `gamma` for each `wait` of them without a better one.

    `selection`: the metric that says what is better, as in `best_row`; after a drop, waiting begins anew. `start`: as
    of a Schedule.
    """

    gamma: float
    wait: int
    selection: str
    start: int = 0

    def __call__(self, rows: Sequence[EpochRow]) -> float:
        drops, since, best = 0, self.start, None
        for row in rows:
            better = best is None or best_row((best, row), selection=self.selection) is row
            best = row if better else best
            since = max(since, row.epoch) if better else since
            if row.epoch - since >= self.wait:
                drops, since = drops + 1, row.epoch
        return float(self.gamma**drops)


def _cosine(first: float, last: float, part: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2
