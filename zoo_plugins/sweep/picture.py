"""A picture of a sweep: the score of each trial, the best so far, and how much each option mattered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.commands import empty_figure, end_of, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINT, _BEST, _QUIET = "#2c6fad", "#c0562b", "#999999"


def draw_sweep(report: Mapping[str, Any], path: Path) -> Path:
    """Draw what `sweep_report` gives; the file."""
    return write_figure(lambda: _figure(report), path)


def _figure(report: Mapping[str, Any]) -> Figure:
    figure = empty_figure(11, 4.2)
    figure.suptitle(end_of(report["sweep"]), fontsize=11)
    history, shares = figure.subplots(1, 2, width_ratios=(2, 1))
    _draw_history(history, report)
    _draw_importance(shares, report["importance"])
    return figure


def _draw_history(axes: Axes, report: Mapping[str, Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    rows = [row for row in report["trials"] if row["value"] is not None and row["epochs"]]
    done = [row for row in rows if row["state"] == "complete"]
    cut = [row for row in rows if row["state"] == "pruned"]
    axes.plot([row["trial"] for row in done], [row["value"] for row in done], "o", color=_POINT, label="trained")
    if cut:
        axes.plot([row["trial"] for row in cut], [row["value"] for row in cut], "x", color=_QUIET, label="ended early")
    less = report["best"] is not None and any(row["value"] > report["best"]["value"] for row in done)
    so_far = [(min if less else max)(row["value"] for row in done[: place + 1]) for place in range(len(done))]
    axes.step([row["trial"] for row in done], so_far, where="post", color=_BEST, label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel(report["metric"] or "")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_importance(axes: Axes, shares: Mapping[str, float]) -> None:
    if not shares:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "too few trials to say what matters", ha="center", va="center", color=_QUIET, fontsize=9)
        return
    names = list(shares)[:12]
    axes.barh(range(len(names)), [shares[name] for name in names], color=_POINT, height=0.7)
    axes.set_yticks(range(len(names)), [end_of(name, 24) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the differences", fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
