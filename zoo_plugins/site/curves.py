"""The curves of a run: every number that training wrote down for each epoch, train and validation over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo_core import EpochRow

from . import numbers
from .axes import axis_of
from .facts import number

WIDTH, HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 10, 34
_MOST_POINTS = 300


@dataclass(frozen=True, kw_only=True)
class Line:
    """One part's values: `part` is train or validation, `path` the points of a polyline, `last` its last value."""

    part: str
    path: str
    last: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One metric of a run; `best` is the place of the epoch whose weights were kept."""

    metric: str
    lines: tuple[Line, ...]
    best: float | None
    best_epoch: int | None
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def curves(rows: Sequence[EpochRow], *, best_epoch: int | None, selection: str) -> list[Curve]:
    """The loss, and the metric that picks the best epoch; fewer where nothing was written down."""
    wanted = dict.fromkeys(("loss", selection.removeprefix("-") or "loss"))
    drawn = [_curve(rows, metric, best_epoch) for metric in wanted]
    return [curve for curve in drawn if curve is not None]


def _curve(rows: Sequence[EpochRow], metric: str, best_epoch: int | None) -> Curve | None:
    step = -(-len(rows) // _MOST_POINTS)
    shown = [row for place, row in enumerate(rows) if place % step == 0 or place == len(rows) - 1]
    series = {
        part: [(row.epoch, value) for row in shown if (value := number(getattr(row, part).get(metric))) is not None]
        for part in ("train", "validation")
    }
    points = [point for line in series.values() for point in line]
    if len({epoch for epoch, _ in points}) < 2:
        return None
    across = axis_of([epoch for epoch, _ in points], start=_LEFT, end=WIDTH - _RIGHT)
    up = axis_of([value for _, value in points], start=HEIGHT - _BOTTOM, end=_TOP)
    lines = tuple(
        Line(
            part=part,
            path=" ".join(f"{across.place(epoch)},{up.place(value)}" for epoch, value in line),
            last=numbers.short(line[-1][1]),
        )
        for part, line in series.items()
        if line
    )
    return Curve(
        metric=metric,
        lines=lines,
        best=None if best_epoch is None else across.place(best_epoch),
        best_epoch=best_epoch,
        x_ticks=tuple((across.place(tick), numbers.short(tick)) for tick in across.ticks if tick == int(tick)),
        y_ticks=tuple((up.place(tick), numbers.short(tick)) for tick in up.ticks),
    )
