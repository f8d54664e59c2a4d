"""The picture of a search for a learning rate: the loss after a few steps, by the rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.figures import empty_figure, write_figure

from .rates import STEPS, RateSearch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE, _CHOSEN, _FAILED = "#2c6fad", "#c0562b", "#777777"


def draw_rates(search: RateSearch, path: Path, *, title: str) -> None:
    """Write the picture as a PNG."""
    write_figure(lambda: _figure(search, title), path)


def _figure(search: RateSearch, title: str) -> Figure:
    figure = empty_figure(7, 4.2)
    axes = figure.add_subplot()
    told = [(trial.rate, trial.loss) for trial in search.trials if trial.loss is not None]
    axes.plot([rate for rate, _ in told], [loss for _, loss in told], "o-", color=_LINE, markersize=4)
    start = told[0][1] if told else 1.0
    low = min((loss for _, loss in told), default=0.0)
    room = max(abs(start - low), 1e-6 * max(1.0, abs(start)))
    axes.set_ylim(low - 0.15 * room, start + 0.6 * room)  # what has run away would flatten all others
    if failed := [trial.rate for trial in search.trials if trial.loss is None]:
        axes.plot(failed, [start + 0.5 * room] * len(failed), "x", color=_FAILED, label="no number any more")
    if search.suggested is not None:
        axes.axvline(search.suggested, color=_CHOSEN, linewidth=1.2, label=f"suggested: {search.suggested:g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"loss after {STEPS} steps or one epoch")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    return figure
