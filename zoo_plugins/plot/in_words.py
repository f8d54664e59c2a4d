"""Answers that are plain data, such as numbers, tags and boxes: each sample with its answer and its truth in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import csv_text
from zoo_core.data import Samples
from zoo_core.tasks import Judged, Tally
from zoo_core.workflows.answers import Part, Predictor

from .error_table import WORDS
from .figures import QUIET, cells_at, heading, new_figure, short, short_names
from .samples import COLUMNS, LINE_COLUMNS, layout_of, layout_size
from .tiles import is_line
from .told import draw_boxes, draw_input, has_words, is_told, one_line, truth_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE = ("path", "truth", "answer", "value", "badness", "sample")
_LONGEST = 34


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The answers to N samples in words, how good each is, as in Judged, and the tally of the metrics."""

    words: Sequence[str]
    value: NDArray[np.float64]
    badness: NDArray[np.float64]
    tally: Tally

    def worst(self) -> NDArray[np.int64]:
        """Indices of all samples, the worst answer first."""
        order: NDArray[np.int64] = np.argsort(-np.nan_to_num(self.badness, nan=-np.inf), kind="stable")
        return order


def answer_all(predictor: Predictor, part: Part) -> Answered:
    """Answers to all samples. Raises ZooError for a task that judges no single sample."""
    task, tally = predictor.task, predictor.task.tally()
    words: list[str] = []
    judged: list[Judged] = []
    for rows, outputs in predictor.batches(part.samples):
        targets = part.samples.targets[rows]
        tally.add(outputs, targets)  # says what does not fit
        judged.append(task.judge(outputs, targets))
        words += map(task.in_words, task.decode(outputs, labels=predictor.labels))
    value, badness = (np.concatenate([getattr(each, name) for each in judged]) for name in ("value", "badness"))
    return Answered(words=words, value=value, badness=badness, tally=tally)


def draw_answers(
    samples: Samples, words: Sequence[str], files: Sequence[str], labels: Sequence[str], title: str
) -> Figure:
    """Above each sample the answer, below it the truth; true boxes are drawn."""
    layout = layout_of(samples.targets, columns=LINE_COLUMNS if _is_wide(samples) else COLUMNS // 2)
    figure = new_figure(**layout_size(samples, layout, words=0.55))
    heading(figure, title, "above each: the answer; below it: the truth")
    names = short_names(labels, 14)
    for index, axes in enumerate(cells_at(figure, layout.places, columns=layout.columns)):
        draw_input(axes, samples, index)
        if samples.form == "boxes":
            draw_boxes(axes, samples.targets[index : index + 1])
        axes.set_title(short(words[index], _LONGEST), fontsize=8, pad=3)
        truth = _truth(samples, index, labels, names)
        axes.set_xlabel(f"truth: {truth}\n{files[index]}", color=QUIET, fontsize=7, labelpad=3)
    return figure


def _truth(samples: Samples, index: int, labels: Sequence[str], names: Sequence[str]) -> str:
    if samples.form == "boxes":
        return ", ".join(names[number] for number in samples.targets[index : index + 1].classes.tolist()) or "nothing"
    return truth_of(samples, index, labels=labels, names=names)


def _is_wide(samples: Samples) -> bool:
    return is_told(samples) or is_line(samples.main[0])


def answers_table(part: Part, known: Answered, order: NDArray[np.int64]) -> str:
    """A CSV file with a line for each of the samples in `order`.

    Columns: the file of the sample, or its table and row (empty where the data are neither), truth and answer in words,
    how good the answer is and how bad, as its task judges it, and the number of the sample in the split; of texts and
    rows, what the model read of them.
    """
    samples, names = part.samples, tuple(part.labels)
    told = has_words(samples)
    rows = [
        [
            samples.files[index] if samples.files else None,
            _truth(samples, index, part.labels, names),
            known.words[index],
            round(float(known.value[index]), 6),
            round(float(known.badness[index]), 6),
            index,
            *([one_line(samples, index)] if told else []),
        ]
        for index in order.tolist()
    ]
    return csv_text((*TABLE, *([WORDS] if told else [])), rows)
