"""A picture of a bench: how many rows a second each engine gives, and how long a batch takes, from p50 to p99."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands import empty_figure, end_of, write_figure

from .measuring import Row
from .tables import amount, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAR, _LINE, _QUIET = "#2c6fad", "#c0562b", "#777777"


def draw_rows(rows: Sequence[Row], path: Path, *, machine: str) -> Path:
    """Draw every row that has numbers, batch by batch; the file."""
    return write_figure(lambda: _figure(rows, machine), path)


def _figure(rows: Sequence[Row], machine: str) -> Figure:
    batches = list(dict.fromkeys(row.batch for row in rows))
    most = max(sum(row.batch == batch for row in rows) for batch in batches)
    figure = empty_figure(11, 1.2 + len(batches) * (0.8 + 0.32 * most))
    subjects = list(dict.fromkeys(row.contender.subject for row in rows))
    figure.suptitle(f"{', '.join(map(end_of, subjects))}\n{machine}", fontsize=10)
    grid = figure.subplots(len(batches), 2, squeeze=False, sharey="row")
    several = len(subjects) > 1
    for cells, batch in zip(grid, batches, strict=True):
        own = [row for row in rows if row.batch == batch]
        names = [_name(row, several) for row in own]
        cells[0].set_yticks(range(len(own)), names, fontsize=8)
        cells[0].invert_yaxis()
        _draw_rates(cells[0], own, batch)
        _draw_times(cells[1], own, batch)
    return figure


def _name(row: Row, several: bool) -> str:
    subject = f"{end_of(row.contender.subject)}: " if several else ""
    return f"{subject}{row.contender.setting}"


def _draw_rates(axes: Axes, rows: Sequence[Row], batch: int) -> None:
    rates = [row.rows_per_second for row in rows]
    axes.barh(range(len(rows)), rates, color=_BAR, height=0.7)
    axes.set_xlim(0, (max(rates) or 1.0) * 1.18)
    for place, (row, rate) in enumerate(zip(rows, rates, strict=True)):
        text = amount(rate) if row.is_right else "failed" if row.error else "wrong answers"
        axes.annotate(text, (rate, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_title(f"rows a second, in batches of {batch}", fontsize=10)
    _plain(axes)


def _draw_times(axes: Axes, rows: Sequence[Row], batch: int) -> None:
    for place, row in enumerate(rows):
        if not row.is_right:
            continue
        low, high, last = (row.quantile(part) for part in (0.5, 0.95, 0.99))
        axes.plot([low, last], [place, place], color=_LINE, linewidth=1.2)
        axes.plot([low], [place], "o", [high], [place], "|", [last], [place], "|", color=_LINE)
        words = f"{duration(low)} / {duration(last)}"
        axes.annotate(words, (last, place), (5, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.margins(x=0.35)
    axes.set_title(f"seconds for a batch of {batch}: p50 (dot), p95, p99", fontsize=10)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, axis="x", color=_QUIET, alpha=0.2)
