"""What a predictor makes of samples: labels, with the truth where they are wrong; masks and sequences beside it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted
from zoo_core.data import Samples
from zoo_core.workflows.answers import Part, Predictor

from .confusion import scores_of
from .figures import QUIET, WRONG, bare, frame, grid, heading, new_figure, short_names
from .judge import Judged, find_worst, judge_all
from .samples import COLUMNS, COUNT, choose_evenly, figure_size, take
from .tiles import draw_line, draw_picture, is_line, name_classes, overlay, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = {"masks": 6, "sequences": 8}
"""Samples in a figure of masks, and of sequences."""


def draw_predictions(predictor: Predictor, part: Part, *, title: str) -> Figure:
    """Samples chosen evenly, and what the predictor makes of them; nothing else of the split is run."""
    chosen = choose_evenly(part.samples.targets, ROWS.get(predictor.task.gives, COUNT))
    found, _ = judge_all(predictor, take(part.samples, chosen))
    if predictor.task.gives == "labels":
        right = int((~found.wrong).sum())
        title = f"{title}: {right} of {len(chosen)} right"
    else:
        title = f"{title}: {len(chosen)} of {counted(len(part.samples), 'sample')}"
    return _draw(predictor, part, chosen, found, title=title)


def draw_errors(predictor: Predictor, part: Part, *, title: str) -> Figure:
    """The worst answers of the whole split, the worst first: by their loss, or by their IoU."""
    chosen, wrong, tally = find_worst(predictor, part.samples, count=ROWS.get(predictor.task.gives, COUNT))
    found, _ = judge_all(predictor, take(part.samples, chosen))
    scores = scores_of(tally.metrics())
    if predictor.task.gives != "labels":
        kind = f"the {len(chosen)} lowest IoU of {counted(len(part.samples), 'sample')}"
    elif wrong:
        kind = f"the {len(chosen)} worst of {counted(wrong, 'error')} in {counted(len(part.samples), 'sample')}"
    else:
        kind = f"no errors in {counted(len(part.samples), 'sample')}; the {len(chosen)} highest losses"
    return _draw(predictor, part, chosen, found, title=f"{title}: {kind} ({scores})")


def _draw(predictor: Predictor, part: Part, chosen: NDArray[np.int64], found: Judged, *, title: str) -> Figure:
    shown = dataclasses.replace(part, samples=take(part.samples, chosen))
    if predictor.task.gives == "labels":
        return _labels(shown, found, title=title)
    draw = _lines if is_line(shown.samples.inputs[0]) else _masks
    figure = draw(shown, found, chosen, title=title)
    present = np.union1d(np.unique(shown.samples.targets), np.unique(found.decided)).tolist()
    name_classes(figure, present, part.labels)
    return figure


def _labels(part: Part, found: Judged, *, title: str) -> Figure:
    samples = part.samples
    figure = new_figure(**figure_size(samples, len(samples), columns=COLUMNS, words=0.4))
    heading(figure, title, "above each: the decision (its probability); wrong ones in red, with the truth below")
    cells = grid(figure, len(samples), columns=min(COLUMNS, len(samples)))
    names = short_names(part.labels, 14)
    for index, axes in enumerate(cells):
        _draw_input(axes, samples, index)
        said = f"{names[found.decided[index]]} ({found.value[index]:.2f})"
        wrong = bool(found.wrong[index])
        if wrong:
            frame(axes, WRONG)
            axes.set_xlabel(f"truth: {names[samples.targets[index]]}", color=WRONG, fontsize=8, labelpad=3)
        axes.set_title(said, fontsize=8, pad=3, color=WRONG if wrong else "black")
    return figure


def _draw_input(axes: Any, samples: Samples, index: int) -> None:
    if is_line(samples.inputs[index]):
        draw_line(axes, samples.inputs[index])
    else:
        draw_picture(axes, picture_of(samples.inputs[index], samples.preprocess))


def _masks(part: Part, found: Judged, chosen: NDArray[np.int64], *, title: str) -> Figure:
    samples = part.samples
    tall = 2.6 * float(np.clip(samples.inputs.shape[-2] / samples.inputs.shape[-1], 0.4, 2.5))
    figure = new_figure(width=8.6, height=len(samples) * (tall + 0.15) + 1.4)
    heading(figure, title, "IoU: the mean over the classes of the sample")
    cells = np.array(grid(figure, 3 * len(samples), columns=3)).reshape(-1, 3)
    for index, row in enumerate(cells):
        picture = picture_of(samples.inputs[index], samples.preprocess)
        truth, decided = samples.targets[index], found.decided[index].astype(np.uint8)
        for axes, drawn in zip(row, (picture, overlay(picture, truth), overlay(picture, decided)), strict=True):
            draw_picture(axes, drawn)
        row[0].set_ylabel(f"sample {chosen[index]}\nIoU {found.value[index]:.3f}", fontsize=9)
    for axes, name in zip(cells[0], ("input", "truth", "prediction"), strict=True):
        axes.set_title(name, fontsize=10)
    return figure


def _lines(part: Part, found: Judged, chosen: NDArray[np.int64], *, title: str) -> Figure:
    samples = part.samples
    figure = new_figure(width=11, height=1.25 * len(samples) + 1.5)
    heading(figure, title, "upper half: the truth; lower half: the prediction")
    cells = figure.subplots(len(samples), 1, squeeze=False, sharex=True)[:, 0]
    for index, axes in enumerate(cells):
        bare(axes)
        draw_line(axes, samples.inputs[index], [samples.targets[index], found.decided[index].astype(np.uint8)])
        axes.axhline(sum(axes.get_ylim()) / 2, color="#cccccc", linewidth=0.8, zorder=0)
        for height, name in ((0.75, "truth"), (0.25, "prediction")):
            options: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "center", "fontsize": 8}
            axes.text(1.005, height, name, color=QUIET, **options)
        axes.set_ylabel(f"sample {chosen[index]}\nIoU {found.value[index]:.3f}", fontsize=8, rotation=0, ha="right")
        axes.yaxis.set_label_coords(-0.008, 0.25)
    cells[-1].tick_params(axis="x", bottom=True, labelbottom=True)
    cells[-1].xaxis.set_major_locator(_places())
    cells[-1].set_xlabel("place")
    return figure


def _places() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=10, integer=True)
