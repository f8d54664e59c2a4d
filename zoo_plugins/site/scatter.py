"""The axes of the pictures of the index: how good each export is, against how quick and how large it is.

The points, each a link, are drawn in the browser, from the rows of the table, once those are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import numbers
from .axes import Axis, axis_of

WIDTH, HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 12, 44


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Axes and what they mean: a logarithmic one for the column `key`, one for a metric; ticks are (place, words)."""

    metric: str
    key: str
    against: str
    across: Axis
    up: Axis
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def scatters(rows: list[dict[str, Any]]) -> list[Scatter]:
    """The metric that most exports have, against latency, bytes of the file, where at least two exports have both."""
    metric = _usual_metric(rows)
    drawn = (
        _scatter(rows, metric, "latency", "latency of one row", numbers.duration),
        _scatter(rows, metric, "bytes", "size of the file", numbers.size),
    )
    return [each for each in drawn if each is not None]


def _usual_metric(rows: Iterable[Mapping[str, Any]]) -> str:
    names = [row["metric"]["name"] for row in rows if row.get("metric")]
    return max(sorted(set(names)), key=names.count, default="")


def _scatter(
    rows: list[dict[str, Any]], metric: str, key: str, against: str, in_words: Callable[[float], str]
) -> Scatter | None:
    shown = [row for row in rows if row.get("metric") and row["metric"]["name"] == metric and row[key]]
    if len(shown) < 2:
        return None
    values = [row[key]["seconds"] if key == "latency" else row[key] for row in shown]
    across = axis_of(values, start=_LEFT, end=WIDTH - _RIGHT, logarithmic=True)
    up = axis_of([row["metric"]["value"] for row in shown], start=HEIGHT - _BOTTOM, end=_TOP)
    return Scatter(
        metric=metric,
        key=key,
        against=against,
        across=across,
        up=up,
        x_ticks=_ticks(across, in_words),
        y_ticks=_ticks(up, numbers.short),
    )


def _ticks(axis: Axis, in_words: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    return tuple((axis.place(tick), in_words(tick)) for tick in axis.ticks)
