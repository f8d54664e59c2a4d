"""What a predictor makes of samples: labels, with the truth where they are wrong; masks and sequences beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED
from zoo_core.commands import counted
from zoo_core.tasks import Judged
from zoo_core.workflows.answers import Part, Predictor, stretches

from .confusion import scores_of
from .error_table import error_table
from .figures import QUIET, WRONG, bare, cells_at, frame, grid, heading, new_figure, short_names, short_path
from .in_words import answer_all, answers_table, draw_answers
from .judge import judge_all, survey
from .layout import together
from .restored import draw_restored, restored_table
from .samples import COLUMNS, COUNT, LINE_COLUMNS, LINES, choose_evenly, layout_of, layout_size, take, usual_count
from .tiles import difference, draw_line, draw_picture, is_line, name_classes, overlay, picture_of
from .told import draw_input, is_told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = {"masks": 6, "sequences": 8, "pictures": 6}
"""Samples in a figure of masks, of sequences, and of pictures."""


def draw_predictions(predictor: Predictor, part: Part, *, title: str, count: int | None = None) -> Figure:
    """Samples chosen evenly, and what the predictor makes of them; nothing else of the split is run."""
    if predictor.task.gives == "values":
        return _told_predictions(predictor, part, title=title, count=count)
    usual = _rows_of(predictor) or (LINES if is_told(part.samples) else usual_count(part.samples.targets))
    chosen = choose_evenly(part.samples.targets, count or usual)
    found, _ = judge_all(predictor, take(part.samples, chosen))
    if predictor.task.gives == "labels":
        right = int((~found.wrong).sum())
        title = f"{title}: {right} of {len(chosen)} right"
    else:
        title = f"{title}: {len(chosen)} of {counted(len(part.samples), 'sample')}"
    return _draw(predictor, part, chosen, found, title=title)


def draw_errors(predictor: Predictor, part: Part, *, title: str, count: int | None = None) -> tuple[Figure, str]:
    """The worst answers of the whole split, by their loss or by their IoU; and all wrong ones as a CSV file.

    Labels stand together by their true class, the class with the worst answer first.
    """
    if predictor.task.gives == "values":
        return _told_errors(predictor, part, title=title, count=count)
    known = survey(predictor, part.samples)
    order, wrong = known.worst(), int(known.wrong.sum())
    chosen = order[: count or _rows_of(predictor) or COUNT]
    if predictor.task.gives == "labels":
        chosen = chosen[together(part.samples.targets[chosen].tolist())]
    found, _ = judge_all(predictor, take(part.samples, chosen))
    scores = scores_of(known.tally.metrics())
    if part.samples.form == "pictures":
        kind = f"the {len(chosen)} lowest PSNR of {counted(len(part.samples), 'sample')}"
    elif predictor.task.gives != "labels":
        kind = f"the {len(chosen)} lowest IoU of {counted(len(part.samples), 'sample')}"
    elif wrong:
        kind = f"the {len(chosen)} worst of {counted(wrong, 'error')} in {counted(len(part.samples), 'sample')}"
    else:
        kind = f"no errors in {counted(len(part.samples), 'sample')}; the {len(chosen)} highest losses"
    figure = _draw(predictor, part, chosen, found, title=f"{title}: {kind} ({scores})")
    table = restored_table if part.samples.form == "pictures" else error_table
    return figure, table(part, known, order)


def _told_predictions(predictor: Predictor, part: Part, *, title: str, count: int | None) -> Figure:
    chosen = choose_evenly(part.samples.targets, count or COUNT // 2)
    shown = dataclasses.replace(part, samples=take(part.samples, chosen))
    title = f"{title}: {len(chosen)} of {counted(len(part.samples), 'sample')}"
    names = _names_of(shown, chosen)
    return draw_answers(shown.samples, answer_all(predictor, shown).words, names, part.labels, title)


def _told_errors(predictor: Predictor, part: Part, *, title: str, count: int | None) -> tuple[Figure, str]:
    known = answer_all(predictor, part)
    order = known.worst()
    chosen = order[: count or COUNT // 2]
    shown = dataclasses.replace(part, samples=take(part.samples, chosen))
    scores = scores_of(known.tally.metrics(), predictor.task.spec.selection)
    title = f"{title}: the {len(chosen)} worst of {counted(len(part.samples), 'sample')} ({scores})"
    words = [known.words[index] for index in chosen.tolist()]
    return draw_answers(shown.samples, words, _names_of(shown, chosen), part.labels, title), answers_table(
        part, known, order
    )


def _names_of(shown: Part, chosen: NDArray[np.int64]) -> list[str]:
    return [short_path(name) for name in shown.samples.files or (f"sample {number}" for number in chosen)]


def _rows_of(predictor: Predictor) -> int | None:
    """How many samples are shown in rows of their own; None where they lie in a grid."""
    return ROWS.get(predictor.task.gives)


def _draw(predictor: Predictor, part: Part, chosen: NDArray[np.int64], found: Judged, *, title: str) -> Figure:
    shown = dataclasses.replace(part, samples=take(part.samples, chosen))
    names = _names_of(shown, chosen)
    if predictor.task.gives == "labels":
        return _labels(shown, found, names, title=title)
    if shown.samples.form == "pictures":
        return draw_restored(shown, found, names, title=title)
    draw = _lines if is_line(shown.samples.main[0]) else _masks
    figure = draw(shown, found, names, title=title)
    present = np.union1d(np.unique(shown.samples.targets), np.unique(found.decided)).tolist()
    name_classes(figure, present, part.labels)
    return figure


def _labels(part: Part, found: Judged, files: Sequence[str], *, title: str) -> Figure:
    samples = part.samples
    layout = layout_of(samples.targets, columns=LINE_COLUMNS if is_told(samples) else COLUMNS)
    figure = new_figure(**layout_size(samples, layout, words=0.55))
    heading(figure, title, "above each: the decision (its probability); wrong ones in red, with the truth below")
    names = short_names(part.labels, 14)
    for index, axes in enumerate(cells_at(figure, layout.places, columns=layout.columns)):
        draw_input(axes, samples, index)
        said = f"{names[found.decided[index]]} ({found.value[index]:.2f})"
        wrong = bool(found.wrong[index])
        truth = f"truth: {names[samples.targets[index]]}\n" if wrong else ""
        if wrong:
            frame(axes, WRONG)
        axes.set_title(said, fontsize=8, pad=3, color=WRONG if wrong else "black")
        axes.set_xlabel(truth + files[index], color=WRONG if wrong else QUIET, fontsize=7, labelpad=3)
    return figure


def _masks(part: Part, found: Judged, files: Sequence[str], *, title: str) -> Figure:
    samples = part.samples
    tall = 2.6 * float(np.clip(samples.main.shape[-2] / samples.main.shape[-1], 0.4, 2.5))
    figure = new_figure(width=11.2, height=len(samples) * (tall + 0.15) + 1.4)
    differs = "difference: missed in blue, too much in orange, another class in red"
    heading(figure, title, f"IoU: the mean over the classes of the sample; {differs}")
    cells = np.array(grid(figure, 4 * len(samples), columns=4)).reshape(-1, 4)
    for index, row in enumerate(cells):
        picture = picture_of(samples.main[index], samples.preprocess)
        truth, decided = samples.targets[index], found.decided[index].astype(np.uint8)
        drawings = (picture, overlay(picture, truth), overlay(picture, decided), difference(picture, truth, decided))
        for axes, drawn in zip(row, drawings, strict=True):
            draw_picture(axes, drawn)
        row[0].set_ylabel(f"{files[index]}\nIoU {found.value[index]:.3f}", fontsize=9)
    for axes, name in zip(cells[0], ("input", "truth", "prediction", "difference"), strict=True):
        axes.set_title(name, fontsize=10)
    return figure


def _lines(part: Part, found: Judged, files: Sequence[str], *, title: str) -> Figure:
    samples = part.samples
    figure = new_figure(width=11, height=1.25 * len(samples) + 1.5)
    heading(figure, title, "upper half: the truth; lower half: the prediction; red between them: where they differ")
    cells = figure.subplots(len(samples), 1, squeeze=False, sharex=True)[:, 0]
    for index, axes in enumerate(cells):
        bare(axes)
        truth, decided = samples.targets[index], found.decided[index].astype(np.uint8)
        draw_line(axes, samples.main[index], [truth, decided])
        for start, stop in stretches((truth != decided) & (truth != IGNORED)):
            axes.axvspan(start - 0.5, stop - 0.5, 0.48, 0.52, color=WRONG, linewidth=0)
        axes.axhline(sum(axes.get_ylim()) / 2, color="#cccccc", linewidth=0.8, zorder=0)
        for height, name in ((0.75, "truth"), (0.25, "prediction")):
            options: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "center", "fontsize": 8}
            axes.text(1.005, height, name, color=QUIET, **options)
        axes.set_ylabel(f"{files[index]}\nIoU {found.value[index]:.3f}", fontsize=8, rotation=0, ha="right")
        axes.yaxis.set_label_coords(-0.008, 0.25)
    cells[-1].tick_params(axis="x", bottom=True, labelbottom=True)
    cells[-1].xaxis.set_major_locator(_places())
    cells[-1].set_xlabel("place")
    return figure


def _places() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=10, integer=True)
