"""Classification: one of several classes for each sample, from logits (N, K), or from one logit (N, 1) or (N,)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted

from .counts import ClassCounts, confusion_matrix
from .logits import check_labels, class_columns, deciding_logits, log_softmax

LARGEST_MATRIX = 1000
"""Classes up to which the confusion matrix is told."""


@dataclass(frozen=True)
class Classification:
    """One of K classes for each sample; equal logits decide for the class that comes first.

    One logit tells two classes apart: above 0 is the second. `name`: image-, video- or binary-classification.
    """

    name: str
    selection: ClassVar[str] = "accuracy"
    gives: ClassVar[Literal["labels"]] = "labels"

    def tally(self) -> ClassTally:
        """An empty tally."""
        return ClassTally(self.name)

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> dict[str, float]:
        """`loss` (mean cross entropy), `accuracy`, `top5` for more than five classes, `precision`, `recall`, `f1`.

        The last three are means over the classes that occur among targets or decisions.
        """
        tally = self.tally()
        tally.add(outputs, targets)
        return tally.metrics()

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """`{label, probability, probabilities: {label: p}}` for each sample, the most probable first."""
        columns = class_columns(deciding_logits(outputs, task=self.name))
        check_labels(labels, columns.shape[1])
        # In the order of the logits: two probabilities may be equal where their logits are not.
        order = np.argsort(-columns, axis=1, kind="stable")
        return [_answer(*row, labels) for row in zip(np.exp(log_softmax(columns)), order, strict=True)]


def _answer(probabilities: NDArray[np.float64], order: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    ranked = {labels[index]: float(probabilities[index]) for index in order}
    label = labels[order[0]]
    return {"label": label, "probability": ranked[label], "probabilities": ranked}


class ClassTally:
    """What the metrics need of each sample: its loss, its class, the decision, and the rank of its class.

    All of them are kept, and added up at the end: so the result is the same for every batch size.
    """

    def __init__(self, task: str) -> None:
        self._task = task
        self._classes = 0
        self._losses: list[NDArray[np.float64]] = []
        self._samples: list[NDArray[np.int64]] = []  # rows: truth, decision, rank

    def add(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and class numbers (N,)."""
        columns = class_columns(deciding_logits(outputs, task=self._task))
        _check_targets(columns, targets)
        truth = targets.astype(np.int64, copy=False)
        own = np.take_along_axis(columns, truth[:, np.newaxis], axis=1)
        # Rank of the true class: those above it, and of its equals those that come first.
        earlier = np.arange(columns.shape[1]) < truth[:, np.newaxis]
        rank = ((columns > own) | ((columns == own) & earlier)).sum(axis=1)
        self._losses.append(-log_softmax(columns)[np.arange(len(truth)), truth])
        self._samples.append(np.stack([truth, columns.argmax(axis=1), rank]))
        self._classes = columns.shape[1]

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added, as `Classification.metrics` says. Raises ZooError for nothing."""
        truth, decided, rank = self._joined()
        found = {"loss": float(np.concatenate(self._losses).mean()), "accuracy": float((rank == 0).mean())}
        if self._classes > 5:
            found["top5"] = float((rank < 5).mean())
        counts = ClassCounts.of_samples(truth, decided, classes=self._classes)
        scores = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
        return found | {name: counts.mean(values) for name, values in scores.items()}

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{classes: [{label, precision, recall, f1, n}], confusion}`, plain data.

        `n` samples are of the class. The scores of a class that occurs neither among targets nor decisions are None.
        `confusion`: rows are the true class, columns the decision; None for over 1,000 classes.
        """
        truth, decided, _ = self._joined()
        check_labels(labels, self._classes)
        counts = ClassCounts.of_samples(truth, decided, classes=self._classes)
        scores = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
        small = self._classes <= LARGEST_MATRIX
        matrix = confusion_matrix(truth, decided, classes=self._classes).tolist() if small else None
        return {"classes": class_rows(labels, counts, scores), "confusion": matrix}

    def _joined(self) -> NDArray[np.int64]:
        if not self._samples:
            raise ZooError("there are no samples to measure")
        return np.concatenate(self._samples, axis=1)


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


def _check_targets(columns: NDArray[np.float64], targets: NDArray[Any]) -> None:
    if targets.shape != columns.shape[:1]:
        raise ZooError(f"{counted(len(columns), 'output')}, but targets of shape {targets.shape}")
    if targets.min() < 0 or targets.max() >= columns.shape[1]:
        raise ZooError(
            f"targets from {targets.min()} to {targets.max()}, "
            f"but the model tells {counted(columns.shape[1], 'class')} apart"
        )
