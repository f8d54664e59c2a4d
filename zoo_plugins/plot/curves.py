"""Curves: loss and metric of every epoch of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zoo_core import EpochRow, ZooError

from .figures import QUIET, heading, legend_within, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo_core.training import Run

_WIDTH = 10.0
_TRAIN, _VALIDATION = "#4c72b0", "#dd8452"
_LINES: tuple[tuple[Literal["train", "validation"], str], ...] = (("train", _TRAIN), ("validation", _VALIDATION))
_CALLED = {"iou_mean": "mean IoU", "map": "mean average precision", "r2": "R²"}
"""What metrics are called where it is not their name."""
_BEGAN = {"changed": "plugins changed"}
"""What a leg of the run is called where it begins, unless by its own word."""


def curves_of(run: Run) -> Figure:
    """Loss and metric of every epoch, training and validation part, the best epoch marked.

    Raises ZooError if the run has no epoch yet.
    """
    if not run.rows:
        raise ZooError(f"run {run.name!r} has no epoch to draw yet", hint=f"look at {run.path}")
    figure = new_figure(width=_WIDTH, height=4.4 + 0.1 * len(run.info.legs))
    names = drawn_metrics(run)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _curve(axes, run, name)
    heading(figure, f"{run.name}: {run.info.model} on {run.info.dataset}")
    return figure


def drawn_metrics(run: Run) -> list[str]:
    """The loss, and the metric that picks the best epoch."""
    return [name for name in dict.fromkeys(("loss", run.info.metric)) if name in run.rows[0].validation]


def _curve(axes: Axes, run: Run, name: str) -> None:
    rows, best = run.rows, run.info.best_epoch
    epochs = [row.epoch for row in rows]
    for label, color in _LINES:
        dots = "o" if len(rows) < 4 else None
        axes.plot(epochs, metric_values(run, label, name), color=color, label=label, linewidth=2, marker=dots)
    for leg in run.info.legs[1:]:
        axes.axvline(
            leg.after + 0.5, color=QUIET, linewidth=1, label=f"{_BEGAN.get(leg.why, leg.why)} after epoch {leg.after}"
        )
    chosen = next((row for row in rows if row.epoch == best), None)
    if chosen is not None:
        _mark(axes, chosen, name)
    files = {row.epoch: row.exported[name] for row in rows if row.exported is not None and name in row.exported}
    if files:
        axes.plot([*files], [*files.values()], color="black", marker="x", ls="none", label="exported file, validation")
    dress(axes, name, epochs=len(rows))
    # Below the axes no line can lie under it.
    named = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    legend_within(axes, named, inches=0.45 * _WIDTH, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def metric_values(run: Run, part: Literal["train", "validation"], name: str) -> list[float]:
    """A metric of every epoch, on one part of the data; not a number where an epoch lacks it."""
    values = ((row.train if part == "train" else row.validation).get(name) for row in run.rows)
    return [float("nan") if value is None else value for value in values]


def dress(axes: Axes, name: str, *, epochs: int) -> None:
    """Title, grid and axes for the curves of one metric, over so many epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(_CALLED.get(name, name), fontsize=11)
    axes.set_xlabel("epoch")
    if epochs == 1:
        axes.set_xticks([1])  # around a single epoch the locator finds no other whole numbers, and takes fractions
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, color="#e5e5e5")
    axes.spines[["top", "right"]].set_visible(False)


def _mark(axes: Axes, row: EpochRow, name: str) -> None:
    # The words go to the legend: beside the point they would lie on the curves.
    value = row.validation[name]
    axes.axvline(row.epoch, color=QUIET, linestyle=":", linewidth=1)
    axes.plot(
        [row.epoch],
        [value],
        color=_VALIDATION,
        marker="o",
        markersize=9,
        markeredgecolor="black",
        ls="none",
        label=f"best: epoch {row.epoch}, {value:.4f}",
    )
