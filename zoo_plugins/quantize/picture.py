"""The trade-off in a picture: what is left of the metric over the size, and over the time here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands import empty_figure, machine_kind, write_figure

from .quantize import Quantization

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FLOAT, _GOOD, _BAD, _ALLOWED = "#444444", "#2c6fad", "#c0562b", "#6a9a58"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A file: its name without that of the float file, bytes and time as parts of the float file's, and its metric."""

    name: str
    color: str
    value: float
    size: float | None
    time: float | None


def draw_quantization(found: Quantization, path: Path) -> Path:
    """Draw every file that has numbers; the file."""
    return write_figure(lambda: _figure(found), path)


def points_of(found: Quantization) -> tuple[Point, ...]:
    """The float file, and each that was measured."""
    allowed = found.allowed
    points = [Point(name="float", color=_FLOAT, value=allowed.float_value, size=1.0, time=1.0)]
    for row in found.rows:
        if row.metrics is None or allowed.metric not in row.metrics:
            continue
        points.append(
            Point(
                name=row.kind if row.path is not None else f"{row.kind} (refused)",
                color=_GOOD if row.path is not None else _BAD,
                value=row.metrics[allowed.metric],
                size=None if row.size is None else row.size / found.size,
                time=None if row.race is None else row.race.ratio,
            )
        )
    return tuple(points)


def _figure(found: Quantization) -> Figure:
    figure = empty_figure(11, 4.4)
    figure.suptitle(
        f"{found.source.name}: {len(found.source.validation):,} validation samples of {found.source.dataset}\n"
        f"{machine_kind()}",
        fontsize=10,
    )
    cells = figure.subplots(1, 2, sharey=True)
    points = points_of(found)
    _draw(cells[0], points, [point.size for point in points], "size, as a part of the float file")
    _draw(cells[1], points, [point.time for point in points], "time of one batch here, as a part of the float file's")
    allowed = found.allowed
    limit = allowed.float_value + (allowed.allowed if allowed.better == "less" else -allowed.allowed)
    for axes in cells:
        axes.axhline(limit, color=_ALLOWED, linewidth=1, linestyle="--")
        axes.annotate(
            "the most that may be lost", (0.01, limit), (0, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=8, color=_ALLOWED,
        )  # fmt: skip
    cells[0].set_ylabel(f"{allowed.metric} ({allowed.better} is better)", fontsize=9)
    _room(cells[0], [*(point.value for point in points), limit], allowed.better)
    return figure


def _draw(axes: Axes, points: Sequence[Point], places: Sequence[float | None], label: str) -> None:
    shown = [(point, place) for point, place in zip(points, places, strict=True) if place is not None]
    for number, (point, place) in enumerate(shown):
        axes.plot([place], [point.value], "o", color=point.color, markersize=7)
        side = "left" if place < max(each for _, each in shown) or len(shown) == 1 else "right"
        axes.annotate(
            point.name, (place, point.value), (8 if side == "left" else -8, 9 if number % 2 else -12),
            textcoords="offset points", ha=side, va="center", fontsize=8, color=point.color,
        )  # fmt: skip
    axes.axvline(1.0, color=_FLOAT, linewidth=0.8, alpha=0.4)
    axes.set_xlim(0, max((place for _, place in shown), default=1.0) * 1.12)
    axes.set_xlabel(label, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, color=_FLOAT, alpha=0.12)


def _room(axes: Axes, values: Sequence[float], better: str) -> None:
    """Some room around the values, so that those that differ by a hair are not drawn as if they differed by much."""
    low, high = min(values), max(values)
    room = max((high - low) * 0.35, abs(high) * 1e-3, 1e-9)
    axes.set_ylim(low - room, high + room)
    if better == "less":
        axes.invert_yaxis()
