"""Classification: one of several classes for each sample, from logits (N, K), or from one logit (N, 1) or (N,)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.tasks import (
    Answer,
    ClassCounts,
    Example,
    Judged,
    Outputs,
    check_labels,
    class_columns,
    class_rows,
    confusion_matrix,
    log_softmax,
)

from .chance import no_better_than_commonest
from .class_task import ClassTask
from .decisions import ClassDecisions
from .example import example_of_classes

LARGEST_MATRIX = 1000
"""Classes up to which the confusion matrix is told."""


class Classification(ClassTask):
    """One of K classes for each sample; equal logits decide for the class that comes first.

    One logit tells two classes apart, where the task takes one: above 0 is the second.
    """

    gives: ClassVar[str] = "labels"

    @property
    def deciding(self) -> ClassDecisions:
        """The class with the largest logit."""
        return ClassDecisions(task=self.name, one_logit=self.spec.one_logit)

    def tally(self) -> ClassTally:
        """An empty tally. Metrics: `loss` (mean cross entropy), `accuracy`, `top5` for more than five classes,
        `precision`, `recall`, `f1`: means over the classes that occur among targets or decisions."""
        return ClassTally(self.deciding)

    def judge(self, outputs: Outputs, targets: NDArray[Any]) -> Judged:
        """How probable each decision is; the loss says how bad."""
        decided = self.deciding.decisions(outputs)
        chances = log_softmax(class_columns(self.deciding.finite_logits(outputs)))
        rows = np.arange(len(decided))
        return Judged(
            decided=decided,
            value=np.exp(chances[rows, decided]),
            badness=-chances[rows, targets],
            wrong=decided != targets,
        )

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{label, probability, probabilities: {label: p}}` for each sample, the most probable first."""
        columns = class_columns(self.deciding.finite_logits(outputs))
        check_labels(labels, columns.shape[1])
        # In the order of the logits: two probabilities may be equal where their logits are not.
        order = np.argsort(-columns, axis=1, kind="stable")
        return [_answer(*row, labels) for row in zip(np.exp(log_softmax(columns)), order, strict=True)]

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Three classes, or two from one logit."""
        targets = random.integers(0, 2 if self.spec.one_logit else 3, count)
        return example_of_classes(targets, one_logit=self.spec.one_logit, random=random)

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether always answering the commonest class would be as good."""
        return no_better_than_commonest(metrics, targets, classes=classes, places=False)


def _answer(probabilities: NDArray[np.float64], order: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    ranked = {labels[index]: float(probabilities[index]) for index in order}
    label = labels[order[0]]
    return {"label": label, "probability": ranked[label], "probabilities": ranked}


class ClassTally:
    """What the metrics need of each sample: its loss, its class, the decision, and the rank of its class.

    All of them are kept, and added up at the end: so the result is the same for every batch size.
    """

    def __init__(self, deciding: ClassDecisions) -> None:
        self._deciding = deciding
        self._classes = 0
        self._losses: list[NDArray[np.float64]] = []
        self._samples: list[NDArray[np.int64]] = []  # rows: truth, decision, rank

    def add(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and class numbers (N,)."""
        columns = class_columns(self._deciding.finite_logits(outputs))
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
        """The metrics of everything that was added, as `Classification.tally` says. Raises ZooError for nothing."""
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


def _check_targets(columns: NDArray[np.float64], targets: NDArray[Any]) -> None:
    if targets.shape != columns.shape[:1]:
        raise ZooError(f"{counted(len(columns), 'output')}, but targets of shape {targets.shape}")
    if targets.min() < 0 or targets.max() >= columns.shape[1]:
        raise ZooError(
            f"targets from {targets.min()} to {targets.max()}, "
            f"but the model tells {counted(columns.shape[1], 'class')} apart"
        )
