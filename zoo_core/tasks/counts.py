"""Precision, recall, F1 and IoU of each class, from how often it was true, decided, and both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Scores = NDArray[np.float64]


def confusion_matrix(truth: Counts, decided: Counts, *, classes: int) -> Counts:
    """How often class i (row) was taken for class j (column): int64, (classes, classes)."""
    pairs = truth.astype(np.int64) * classes + decided
    return np.bincount(pairs.reshape(-1), minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """How often each class was true, was decided, and was both; all of shape (K,).

    A score whose denominator is 0 is 0. `mean` leaves out the classes that occur neither in the truth nor among the
    decisions, as torchmetrics' "macro" does: nothing is known about them.
    """

    true: Counts
    decided: Counts
    both: Counts

    @classmethod
    def of_matrix(cls, matrix: Counts) -> ClassCounts:
        """Of a confusion matrix."""
        return cls(true=matrix.sum(axis=1), decided=matrix.sum(axis=0), both=matrix.diagonal().copy())

    @classmethod
    def of_samples(cls, truth: Counts, decided: Counts, *, classes: int) -> ClassCounts:
        """Of single decisions, without the matrix, which is huge for tens of thousands of classes."""
        right = truth[truth == decided]
        true, chosen, both = (np.bincount(each, minlength=classes) for each in (truth, decided, right))
        return cls(true=true, decided=chosen, both=both)

    @property
    def occurs(self) -> NDArray[np.bool_]:
        """Whether a class is among the truth or the decisions."""
        return self.true + self.decided > 0

    @property
    def precision(self) -> Scores:
        """How much of what was decided for the class is the class."""
        return _ratio(self.both, self.decided)

    @property
    def recall(self) -> Scores:
        """How much of the class was found."""
        return _ratio(self.both, self.true)

    @property
    def f1(self) -> Scores:
        """2 both / (true + decided): the harmonic mean of precision and recall, which masks call Dice."""
        return _ratio(2 * self.both, self.true + self.decided)

    @property
    def iou(self) -> Scores:
        """Intersection over union: both / (true or decided)."""
        return _ratio(self.both, self.true + self.decided - self.both)

    def mean(self, scores: Scores) -> float:
        """The mean over the classes that occur."""
        return float(scores[self.occurs].mean())


def _ratio(above: Counts, below: Counts) -> Scores:
    return np.divide(above, below, out=np.zeros(len(above), np.float64), where=below > 0)


def class_rows(
    labels: Sequence[str], counts: ClassCounts, scores: Mapping[str, NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """One row a class: `{label, SCORE..., n}`; scores of classes that do not occur are None."""
    occurs = counts.occurs
    return [
        {
            "label": label,
            **{name: float(values[index]) if occurs[index] else None for name, values in scores.items()},
            "n": int(counts.true[index]),
        }
        for index, label in enumerate(labels)
    ]
