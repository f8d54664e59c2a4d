"""Segmentation: a class for each place of a picture or a sequence, from logits (N, K, H, W) or (N, K, L)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED, ZooError
from zoo_core.tasks import (
    Answer,
    ClassCounts,
    Example,
    Judged,
    Outputs,
    check_labels,
    class_columns,
    class_count,
    class_rows,
    confusion_matrix,
    log_softmax,
)

from .chance import no_better_than_commonest
from .class_task import ClassTask
from .decisions import ClassDecisions
from .example import example_of_classes

_VALUES = 1 << 21
"""Logits that are worked on at a time: 16 MB in float64, however large a batch is."""


class Segmentation(ClassTask):
    """One of K classes for each place; equal logits decide for the class that comes first.

    One logit tells two classes apart: above 0 is the second. Both of them count in every metric. Places whose target
    is 255 are not counted.
    """

    places: ClassVar[int]
    """Axes of places that each sample has."""

    @property
    def deciding(self) -> ClassDecisions:
        """The class with the largest logit, place by place."""
        return ClassDecisions(task=self.name, places=self.places, one_logit=True)

    def tally(self) -> MaskTally:
        """An empty tally. Metrics: `loss` (mean cross entropy), `iou_mean`, `dice`, `pixel_accuracy`, over all places
        of all samples together.

        `iou_mean` and `dice` (2 both / (true + decided), which is F1) are means over the classes that occur among
        targets or decisions.
        """
        return MaskTally(self.deciding)

    def judge(self, outputs: Outputs, targets: NDArray[Any]) -> Judged:
        """The IoU of each mask: the mean over the classes that occur in it."""
        decided = self.deciding.decisions(outputs)
        classes = class_count(self.deciding.finite_logits(outputs))
        value = np.array([_iou(*pair, classes=classes) for pair in zip(targets, decided, strict=True)])
        return Judged(decided=decided, value=value, badness=1 - value, wrong=value < 1)

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{mask, probability}` for each sample: class numbers, uint8, and how probable each of them is, float32.

        `labels` may be empty. Both arrays have the size of the model's output.
        """
        logits = _mask_logits(outputs, self.deciding)
        if labels:
            check_labels(labels, class_count(logits))
        return [_answer(row) for row in logits]

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Masks of three classes, some places of which are not counted."""
        targets = random.integers(0, 3, (count, *[6] * self.places)).astype(np.uint8)
        targets[:, 0] = IGNORED
        return example_of_classes(targets, one_logit=False, random=random)

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether always answering the commonest class would be as good."""
        return no_better_than_commonest(metrics, targets, classes=classes, places=True)


class PictureSegmentation(Segmentation):
    """Masks of pictures, from logits (N, K, H, W)."""

    gives: ClassVar[str] = "masks"
    places: ClassVar[int] = 2


class SequenceSegmentation(Segmentation):
    """Masks of sequences, from logits (N, K, L)."""

    gives: ClassVar[str] = "sequences"
    places: ClassVar[int] = 1


def _iou(truth: NDArray[Any], decided: NDArray[np.int64], *, classes: int) -> float:
    counted = truth != IGNORED
    if not counted.any():
        return float("nan")
    counts = ClassCounts.of_matrix(confusion_matrix(truth[counted], decided[counted], classes=classes))
    return counts.mean(counts.iou)


def _answer(logits: NDArray[Any]) -> dict[str, Any]:
    probabilities = np.exp(log_softmax(class_columns(logits[np.newaxis])))[0]
    # From the logits: two probabilities may be equal where their logits are not.
    mask = class_columns(logits[np.newaxis])[0].argmax(axis=0)
    own = np.take_along_axis(probabilities, mask[np.newaxis], axis=0)[0]
    return {"mask": mask.astype(np.uint8), "probability": own.astype(np.float32)}


class MaskTally:
    """The confusion matrix of all places, and the loss of each sample; no logit is kept."""

    def __init__(self, deciding: ClassDecisions) -> None:
        self._deciding = deciding
        self._matrix: NDArray[np.int64] | None = None
        self._losses: list[float] = []

    def add(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and masks (N, H, W) or (N, L) of class numbers, 255 = not counted."""
        logits = _mask_logits(outputs, self._deciding)
        classes = class_count(logits)
        _check_targets(logits, targets, classes)
        if self._matrix is None:
            self._matrix = np.zeros((classes, classes), np.int64)
        step = max(1, _VALUES // (logits[0].size * classes // logits.shape[1]))
        for start in range(0, len(logits), step):
            part = slice(start, start + step)
            self._add(class_columns(logits[part]), targets[part].astype(np.int64), self._matrix)

    def _add(self, columns: NDArray[np.float64], targets: NDArray[np.int64], matrix: NDArray[np.int64]) -> None:
        counted = targets != IGNORED
        truth = np.where(counted, targets, 0)
        matrix += confusion_matrix(truth[counted], columns.argmax(axis=1)[counted], classes=len(matrix))
        own = np.take_along_axis(log_softmax(columns), truth[:, np.newaxis], axis=1)[:, 0]
        self._losses += np.where(counted, -own, 0.0).reshape(len(own), -1).sum(axis=1).tolist()

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added, as `Segmentation.tally` says. Raises ZooError for nothing."""
        counts, total = self._counted()
        return {
            "loss": float(np.sum(self._losses)) / total,
            "iou_mean": counts.mean(counts.iou),
            "dice": counts.mean(counts.f1),
            "pixel_accuracy": int(counts.both.sum()) / total,
        }

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{classes: [{label, iou, dice, precision, recall, n}], confusion}`, plain data.

        `n` places are of the class. The scores of a class that occurs neither among targets nor decisions are None.
        `confusion` counts places: rows are the true class, columns the decision.
        """
        counts, _ = self._counted()
        check_labels(labels, len(counts.true))
        scores = {"iou": counts.iou, "dice": counts.f1, "precision": counts.precision, "recall": counts.recall}
        matrix = [] if self._matrix is None else self._matrix.tolist()
        return {"classes": class_rows(labels, counts, scores), "confusion": matrix}

    def _counted(self) -> tuple[ClassCounts, int]:
        if self._matrix is None:
            raise ZooError("there are no samples to measure")
        total = int(self._matrix.sum())
        if total == 0:
            raise ZooError(
                f"there is nothing to measure: every place of every mask is {IGNORED}, which is not counted",
                hint="check the masks of the dataset",
            )
        return ClassCounts.of_matrix(self._matrix), total


def _mask_logits(outputs: Outputs, deciding: ClassDecisions) -> NDArray[Any]:
    logits = deciding.finite_logits(outputs)
    if logits.ndim != 2 + deciding.places:
        wanted = "(samples, classes, height, width)" if deciding.places == 2 else "(samples, classes, length)"
        raise ZooError(f"{deciding.task} needs logits of shape {wanted}, not {logits.shape}")
    if class_count(logits) > IGNORED:
        raise ZooError(
            f"{deciding.task} tells at most {IGNORED} classes apart, not {class_count(logits)}",
            hint=f"a mask is one byte a place, and {IGNORED} stands for a place that is not counted",
        )
    return logits


def _check_targets(logits: NDArray[Any], targets: NDArray[Any], classes: int) -> None:
    if targets.shape != (len(logits), *logits.shape[2:]):
        raise ZooError(
            f"outputs of shape {logits.shape} do not fit masks of shape {targets.shape}",
            hint="the model must give one place for each place of a mask",
        )
    counted = targets[targets != IGNORED]
    if counted.size and (counted.min() < 0 or counted.max() >= classes):
        raise ZooError(
            f"masks hold the classes {counted.min()} to {counted.max()}, but the model tells {classes} classes apart"
        )
