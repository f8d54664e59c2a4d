"""Segmentation: a class for each place of a picture or a sequence, from logits (N, K, H, W) or (N, K, L)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.specs import IGNORED

from .classification import class_rows
from .counts import ClassCounts, confusion_matrix
from .logits import check_labels, class_columns, class_count, deciding_logits, log_softmax

_VALUES = 1 << 21
"""Logits that are worked on at a time: 16 MB in float64, however large a batch is."""

_PLACES = {"semantic-segmentation": 2, "sequence-segmentation": 1}


@dataclass(frozen=True)
class Segmentation:
    """One of K classes for each place; equal logits decide for the class that comes first.

    One logit tells two classes apart: above 0 is the second. Both of them count in every metric. Places whose target
    is 255 are not counted. `name`: semantic-segmentation (pictures) or sequence-segmentation.
    """

    name: str
    selection: ClassVar[str] = "iou_mean"

    @property
    def gives(self) -> Literal["masks", "sequences"]:
        """Masks of pictures or of sequences."""
        return "masks" if _PLACES[self.name] == 2 else "sequences"

    def tally(self) -> MaskTally:
        """An empty tally."""
        return MaskTally(self.name)

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> dict[str, float]:
        """`loss` (mean cross entropy), `iou_mean`, `dice`, `pixel_accuracy`, over all places of all samples together.

        `iou_mean` and `dice` (2 both / (true + decided), which is F1) are means over the classes that occur among
        targets or decisions.
        """
        tally = self.tally()
        tally.add(outputs, targets)
        return tally.metrics()

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """`{mask, probability}` for each sample: class numbers, uint8, and how probable each of them is, float32.

        `labels` may be empty. Both arrays have the size of the model's output.
        """
        logits = _mask_logits(outputs, self.name)
        if labels:
            check_labels(labels, class_count(logits))
        return [_answer(row) for row in logits]


def _answer(logits: NDArray[Any]) -> dict[str, Any]:
    probabilities = np.exp(log_softmax(class_columns(logits[np.newaxis])))[0]
    # From the logits: two probabilities may be equal where their logits are not.
    mask = class_columns(logits[np.newaxis])[0].argmax(axis=0)
    own = np.take_along_axis(probabilities, mask[np.newaxis], axis=0)[0]
    return {"mask": mask.astype(np.uint8), "probability": own.astype(np.float32)}


class MaskTally:
    """The confusion matrix of all places, and the loss of each sample; no logit is kept."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._matrix: NDArray[np.int64] | None = None
        self._losses: list[float] = []

    def add(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and masks (N, H, W) or (N, L) of class numbers, 255 = not counted."""
        logits = _mask_logits(outputs, self._task)
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
        """The metrics of everything that was added, as `Segmentation.metrics` says. Raises ZooError for nothing."""
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


def _mask_logits(outputs: Mapping[str, NDArray[Any]], task: str) -> NDArray[Any]:
    logits = deciding_logits(outputs, task=task)
    if logits.ndim != 2 + _PLACES[task]:
        wanted = "(samples, classes, height, width)" if _PLACES[task] == 2 else "(samples, classes, length)"
        raise ZooError(f"{task} needs logits of shape {wanted}, not {logits.shape}")
    if class_count(logits) > IGNORED:
        raise ZooError(
            f"{task} tells at most {IGNORED} classes apart, not {class_count(logits)}",
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
