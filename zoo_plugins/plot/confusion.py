"""The confusion matrix: rows are the truth, columns the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted
from zoo_core.workflows.answers import Part, Predictor

from .figures import color_bar, heading, new_figure, short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_WRITTEN = 20
"""Classes up to which the counts stand in the cells."""

MOST_SHARES = 8
"""Classes up to which the share stands below the count."""

MOST_NAMED = 60
"""Classes up to which each row has its name."""


def draw_confusion(predictor: Predictor, part: Part, *, title: str) -> Figure:
    """The confusion matrix of a split, each row a share of its true class. Raises ZooError for over 1,000 classes."""
    tally = predictor.task.tally()
    for rows, outputs in predictor.batches(part.samples):
        tally.add(outputs, part.samples.targets[rows])
    details = tally.details(part.labels)
    if "confusion" not in details:
        raise UsageError(f"a confusion matrix is for classes, not for {predictor.task.name}", hint="--what errors")
    matrix = details["confusion"]
    if matrix is None:
        raise ZooError(
            f"a confusion matrix of {len(part.labels):,} classes cannot be read", hint="--what errors shows samples"
        )
    places = "" if not part.samples.is_masked else " places" if part.samples.main.ndim < 4 else " pixels"
    measured = f"{scores_of(tally.metrics())}, {counted(len(part.samples), 'sample')}"
    note = f"each row: where the{places or ' samples'} of one true class went"
    return _draw(np.array(matrix), labels=part.labels, title=f"{title}: {measured}", note=note)


def scores_of(metrics: Mapping[str, float], selection: str = "") -> str:
    """The metrics that stand in a title; the one that is selected by, where none of the usual ones is there."""
    names = {
        "accuracy": "accuracy",
        "iou_mean": "mean IoU",
        "pixel_accuracy": "pixel accuracy",
        "psnr": "PSNR",
        "ssim": "SSIM",
    }
    told = [f"{shown} {metrics[name]:.4f}" for name, shown in names.items() if name in metrics]
    if not told and selection in metrics:
        told = [f"{selection} {metrics[selection]:.4f}"]
    return ", ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in told)


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row divided by its sum: how much of a true class was decided for each class; 0 where there is none."""
    total = matrix.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    return shares


def most_confused(matrix: NDArray[np.int64], labels: Sequence[str], *, count: int) -> list[tuple[str, str, int]]:
    """The largest cells beside the diagonal: true class, decision, how often."""
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:count]
    pairs = [divmod(int(place), len(matrix)) for place in order]
    return [(labels[row], labels[column], int(off[row, column])) for row, column in pairs if off[row, column]]


def short_count(count: int) -> str:
    """A count in at most five characters: 9999, 12k, 3.4M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 10_000 and count >= unit:
            number = count / unit
            return f"{number:.1f}{name}" if number < 9.95 else f"{number:.0f}{name}"
    return str(count)


def _draw(matrix: NDArray[np.int64], *, labels: Sequence[str], title: str, note: str) -> Figure:
    classes = len(matrix)
    side = float(np.clip(0.5 * classes, 4, 10))
    longest = max(map(len, short_names(labels)))
    figure = new_figure(width=max(7.5, side + 2.2 + 0.06 * longest), height=side + 1.6 + 0.05 * longest)
    axes = figure.subplots()
    shares = row_shares(matrix)
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    color_bar(figure, drawn, axes, "share of the true class")
    _name(axes, labels, width=side)
    if classes <= MOST_WRITTEN:
        _write(axes, matrix, shares)
    elif worst := most_confused(matrix, labels, count=3):
        told = ", ".join(f"{true} taken for {decided} ({count})" for true, decided, count in worst)
        note += f"\nmost often: {told}"
    heading(figure, title, note)
    return figure


def _name(axes: Axes, labels: Sequence[str], *, width: float) -> None:
    step = -(-len(labels) // MOST_NAMED)
    ticks = list(range(0, len(labels), step))
    shown = short_names(labels)
    names = [shown[tick] for tick in ticks]
    size = float(np.clip(260 / len(ticks), 5, 10))
    # A letter is about 0.6 of its height wide; there are 72 points in an inch.
    upright = max(map(len, names)) * size * 0.65 / 72 > 0.9 * width / len(names)
    axes.set_xticks(ticks, names, fontsize=size, rotation=90 if upright else 0)
    axes.set_yticks(ticks, names, fontsize=size)
    axes.set_xlabel("decision")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)


def _write(axes: Axes, matrix: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    size = float(np.clip(170 / len(matrix), 6, 10))
    for (row, column), count in np.ndenumerate(matrix):
        options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
        # Zeros are the ground on which the rest is seen.
        color = "#c8c8c8" if not count else "white" if shares[row, column] > 0.5 else "black"
        text = short_count(int(count))
        if len(matrix) <= MOST_SHARES and count:
            text += f"\n{shares[row, column]:.1%}"
        axes.text(column, row, text, color=color, **options)
