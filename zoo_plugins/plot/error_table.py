"""The answers of a split as a table, the worst first: what `errors.csv` holds beside the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED
from zoo_core.commands import csv_text
from zoo_core.workflows.answers import Part

from .judge import Survey
from .told import has_words, one_line

LABELS = ("path", "truth", "decision", "probability", "loss", "sample")
MASKS = ("path", "truth", "decision", "iou", "loss", "sample")
WORDS = "words"
"""The column for what the model read of a text or a row."""


def error_table(part: Part, survey: Survey, order: NDArray[np.int64]) -> str:
    """A CSV file with a line for each of the samples in `order`.

    Columns: the file of the sample, or its table and row (empty where the data are neither), the true class and the
    decision, the probability of the decision, the loss, and the number of the sample in the split; of texts and rows,
    what the model read of them. Of masks: the classes that occur
    in the true and in the decided mask, the IoU, and 1 - IoU.
    """
    masks, told = part.samples.is_masked, has_words(part.samples)
    rows = []
    for index in order.tolist():
        truth = np.unique(part.samples.targets[index]).tolist() if masks else [int(part.samples.targets[index])]
        rows.append(
            [
                part.samples.files[index] if part.samples.files else None,
                _named(truth, part.labels),
                _named(survey.decided[index], part.labels),
                round(float(survey.value[index]), 6),
                round(float(survey.badness[index]), 6),
                index,
                *([one_line(part.samples, index)] if told else []),
            ]
        )
    return csv_text((*(MASKS if masks else LABELS), *([WORDS] if told else [])), rows)


def _named(numbers: Sequence[int], labels: Sequence[str]) -> str:
    known = [number for number in numbers if number != IGNORED]
    return "; ".join(labels[number] if number < len(labels) else str(number) for number in known)
