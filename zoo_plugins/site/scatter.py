"""The pictures of the index: how good each export is, against how quick and how large it is. Each point is a link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import numbers
from .axes import Axis, axis_of

WIDTH, HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 12, 44


@dataclass(frozen=True, kw_only=True)
class Point:
    """One export; `told` is what is read out, `row` its number in the table."""

    x: float
    y: float
    link: str
    told: str
    row: int


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """A picture with what its axes mean; ticks are (place, words)."""

    metric: str
    against: str
    points: tuple[Point, ...]
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
        _scatter(rows, metric, "latency of one row", _latency, numbers.duration),
        _scatter(rows, metric, "size of the file", _bytes, numbers.size),
    )
    return [each for each in drawn if each is not None]


def _usual_metric(rows: Iterable[Mapping[str, Any]]) -> str:
    names = [row["metric"]["name"] for row in rows if row.get("metric")]
    return max(sorted(set(names)), key=names.count, default="")


def _latency(row: Mapping[str, Any]) -> float | None:
    return row["latency"]["seconds"] if row.get("latency") else None


def _bytes(row: Mapping[str, Any]) -> float | None:
    return row.get("bytes")


def _scatter(
    rows: list[dict[str, Any]],
    metric: str,
    against: str,
    of_row: Callable[[Mapping[str, Any]], float | None],
    in_words: Callable[[float], str],
) -> Scatter | None:
    placed = [
        (number, row, x, row["metric"]["value"])
        for number, row in enumerate(rows)
        if row.get("metric") and row["metric"]["name"] == metric and (x := of_row(row))
    ]
    if len(placed) < 2:
        return None
    across = axis_of([x for *_, x, _ in placed], start=_LEFT, end=WIDTH - _RIGHT, logarithmic=True)
    up = axis_of([y for *_, y in placed], start=HEIGHT - _BOTTOM, end=_TOP)
    points = tuple(
        Point(
            x=across.place(x),
            y=up.place(y),
            link=row["source"],
            told=f"{row['name']}: {metric} {numbers.short(y)}, {in_words(x)}",
            row=number,
        )
        for number, row, x, y in placed
    )
    return Scatter(
        metric=metric,
        against=against,
        points=points,
        x_ticks=_ticks(across, in_words),
        y_ticks=_ticks(up, numbers.short),
    )


def _ticks(axis: Axis, in_words: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    return tuple((axis.place(tick), in_words(tick)) for tick in axis.ticks)
