"""Pictures of a run, as PNG files in its `plots/` folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import MissingExtraError, UsageError, ZooError, did_you_mean
from zoo_core.files import write_atomic
from zoo_core.records import EpochRow
from zoo_core.training.directory import PLOTS
from zoo_core.training.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("curves",)

_TRAIN, _VALIDATION, _BEST = "#4c72b0", "#dd8452", "#777777"


def draw(run: Run, *, what: str = "curves") -> tuple[Path, ...]:
    """Draw pictures of a run; the files. Raises UsageError for an unknown kind."""
    if what not in KINDS:
        raise UsageError(f"there are no pictures called {what!r}", hint=did_you_mean(what, KINDS))
    return (draw_curves(run),)


def draw_curves(run: Run) -> Path:
    """Loss and metric of every epoch, training and validation part, the best epoch marked; the file.

    Raises ZooError if the run has no epoch yet, MissingExtraError without matplotlib.
    """
    if not run.rows:
        raise ZooError(f"run {run.name!r} has no epoch to draw yet", hint=f"look at {run.path}")
    figure = _figure(width=10, height=4.2)
    names = [name for name in run.rows[0].validation if name in {"loss", "accuracy", "iou_mean"}][:2]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _curve(axes, run, name)
    figure.suptitle(f"{run.name}: {run.info.model} on {run.info.dataset}")
    return _save(figure, run.path / PLOTS / "curves.png")


def _curve(axes: Axes, run: Run, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    rows, best = run.rows, run.info.best_epoch
    epochs = [row.epoch for row in rows]
    lines = {"train": (_TRAIN, [row.train.get(name) for row in rows])}
    lines["validation"] = (_VALIDATION, [row.validation.get(name) for row in rows])
    for label, (color, values) in lines.items():
        points: list[Any] = [float("nan") if value is None else value for value in values]
        axes.plot(epochs, points, color=color, label=label, linewidth=2, marker="o" if len(rows) < 4 else None)
    chosen = next((row for row in rows if row.epoch == best), None)
    if chosen is not None:
        _mark(axes, chosen, name)
    axes.set_title(name, fontsize=11)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, color="#e5e5e5")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", framealpha=0.9, edgecolor="none")


def _mark(axes: Axes, row: EpochRow, name: str) -> None:
    # The words go to the legend: beside the point they would lie on the curves.
    value = row.validation[name]
    label = f"best: epoch {row.epoch}, {value:.4f}"
    axes.axvline(row.epoch, color=_BEST, linestyle=":", linewidth=1)
    axes.plot(
        [row.epoch],
        [value],
        color=_VALIDATION,
        marker="o",
        markersize=9,
        markeredgecolor="black",
        ls="none",
        label=label,
    )


def _figure(*, width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(needed_for="drawing", extra="train", missing="matplotlib") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    content = io.BytesIO()
    # Without the Software entry the same rows give the same bytes, whatever version drew them.
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    write_atomic(path, content.getvalue())
    return path
