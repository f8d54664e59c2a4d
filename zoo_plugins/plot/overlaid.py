"""Curves of several runs in one figure: one colour a run, named by what tells it from the others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo_core import ZooError
from zoo_core.training import differing_settings

from .curves import drawn_metrics, dress, metric_values
from .figures import heading, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo_core.training import Run

_FEW = 10
"""Runs up to which the colours are those of a palette made to be told apart."""

_WIDTH, _LINES = 75, 6
"""Letters in a line of the legend, and lines for a run."""


def overlaid_curves(runs: Sequence[Run]) -> Figure:
    """Loss and metric of every epoch of these runs, the best epoch of each marked.

    Raises ZooError if one of them has no epoch yet.
    """
    for run in runs:
        if not run.rows:
            raise ZooError(f"run {run.name!r} has no epoch to draw yet", hint=f"look at {run.path}, or leave it out")
    labels = [_in_lines(label) for label in labels_of(runs)]
    figure = new_figure(width=10, height=4.4 + 0.2 * sum(1 + label.count("\n") for label in labels))
    names = list(dict.fromkeys(name for run in runs for name in drawn_metrics(run)))
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for run, color in zip(runs, _colors(len(runs)), strict=True):
            if name in run.rows[0].validation:
                _draw(axes, run, name, color)
        dress(axes, name, epochs=max(len(run.rows) for run in runs))
    heading(figure, _title(runs), "solid: validation, with the best epoch; dashed: train")
    _name(figure, labels)
    return figure


def _in_lines(label: str) -> str:
    """All that is told of a run, in as many lines as it takes: what is cut off may be what tells it from the others."""
    lines = textwrap.wrap(label, _WIDTH, subsequent_indent="    ")
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], short(" ".join(lines[_LINES - 1 :]), _WIDTH)]
    return "\n".join(lines)


def labels_of(runs: Sequence[Run]) -> list[str]:
    """What each run is called in the legend: its name, and its model, dataset and options where these differ."""
    alone = [len({run.info.model for run in runs}) > 1, len({run.info.dataset for run in runs}) > 1]
    labels = []
    for run, settings in zip(runs, differing_settings([run.info for run in runs]), strict=True):
        told = [text for text, differs in zip((run.info.model, run.info.dataset), alone, strict=True) if differs]
        told += [f"{name.split()[-1].lstrip('-')}={value}" for name, value in settings.items()]
        labels.append(": ".join(filter(None, (run.name, ", ".join(told)))))
    return labels


def _title(runs: Sequence[Run]) -> str:
    models, datasets = ({getattr(run.info, kind) for run in runs} for kind in ("model", "dataset"))
    model = next(iter(models)) if len(models) == 1 else f"{len(models)} models"
    dataset = next(iter(datasets)) if len(datasets) == 1 else f"{len(datasets)} datasets"
    return f"{len(runs)} runs: {model} on {dataset}"


def _colors(count: int) -> list[Any]:
    import matplotlib

    if count <= _FEW:
        return [matplotlib.colormaps["tab10"](number) for number in range(count)]
    return [matplotlib.colormaps["turbo"](number / (count - 1)) for number in range(count)]


def _draw(axes: Axes, run: Run, name: str, color: Any) -> None:
    epochs = [row.epoch for row in run.rows]
    dots = "o" if len(epochs) == 1 else None
    axes.plot(
        epochs, metric_values(run, "train", name), color=color, linewidth=1, linestyle="--", alpha=0.6, marker=dots
    )
    axes.plot(epochs, metric_values(run, "validation", name), color=color, linewidth=1.8, marker=dots)
    best = next((row for row in run.rows if row.epoch == run.info.best_epoch), None)
    if best is not None and name in best.validation:
        options: dict[str, Any] = {"marker": "o", "markersize": 7, "markeredgecolor": "black", "ls": "none"}
        axes.plot([best.epoch], [best.validation[name]], color=color, **options)


def _name(figure: Figure, labels: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=color, linewidth=2) for color in _colors(len(labels))]
    figure.legend(lines, labels, loc="outside lower center", ncols=1, frameon=False, fontsize=9)
