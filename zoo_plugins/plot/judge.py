"""How well a predictor answers sample by sample: its decision, how sure or how near it is, and how bad that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED
from zoo_core.data import Samples
from zoo_core.tasks import (
    ClassCounts,
    ClassDecisions,
    Tally,
    Task,
    class_columns,
    class_count,
    confusion_matrix,
    deciding_logits,
    log_softmax,
)
from zoo_core.workflows.answers import Predictor


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Answers to N samples.

    `decided`: class numbers (N,), or masks. `value`: the probability of the decision; of masks the IoU, which is the
    mean over the classes that occur in the sample. `badness`: the loss; of masks 1 - IoU. A mask of which nothing is
    counted is not wrong, and its IoU is NaN.
    """

    decided: NDArray[np.int64]
    value: NDArray[np.float64]
    badness: NDArray[np.float64]
    wrong: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Answers to the N samples of a split, without their masks: as in Judged, but for `decided`.

    That has the class numbers that occur in each decision: of labels the one.
    """

    decided: Sequence[tuple[int, ...]]
    value: NDArray[np.float64]
    badness: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    tally: Tally

    def worst(self) -> NDArray[np.int64]:
        """Indices of all wrong answers, the worst first; where nothing is wrong, of all answers."""
        return worst_first(self.badness, self.wrong, count=len(self.wrong))


def judge(task: Task, outputs: dict[str, NDArray[Any]], targets: NDArray[Any]) -> Judged:
    """The answers in one batch of outputs, against class numbers (N,) or masks."""
    decided = ClassDecisions(task.name).decisions(outputs)
    logits = deciding_logits(outputs, task=task.name)
    if task.gives == "labels":
        chances = log_softmax(class_columns(logits))
        rows = np.arange(len(decided))
        loss = -chances[rows, targets]
        return Judged(decided=decided, value=np.exp(chances[rows, decided]), badness=loss, wrong=decided != targets)
    classes = class_count(logits)
    value = np.array([_iou(*pair, classes=classes) for pair in zip(targets, decided, strict=True)])
    return Judged(decided=decided, value=value, badness=1 - value, wrong=value < 1)


def _iou(truth: NDArray[Any], decided: NDArray[np.int64], *, classes: int) -> float:
    counted = truth != IGNORED
    if not counted.any():
        return float("nan")
    counts = ClassCounts.of_matrix(confusion_matrix(truth[counted], decided[counted], classes=classes))
    return counts.mean(counts.iou)


def judge_all(predictor: Predictor, samples: Samples) -> tuple[Judged, Tally]:
    """The answers to all samples, and the tally of their metrics."""
    tally = predictor.task.tally()
    parts = list(_batches(predictor, samples, tally))
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("decided", "value", "badness", "wrong")
    }
    return Judged(**joined), tally


def survey(predictor: Predictor, samples: Samples) -> Survey:
    """How well every sample is answered. No output and no mask is kept."""
    tally = predictor.task.tally()
    parts, decided = [], []
    for part in _batches(predictor, samples, tally):
        decided += [tuple(np.unique(each).tolist()) for each in part.decided]
        parts.append((part.value, part.badness, part.wrong))
    value, badness, wrong = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Survey(decided=decided, value=value, badness=badness, wrong=wrong, tally=tally)


def worst_first(badness: NDArray[np.float64], wrong: NDArray[np.bool_], *, count: int) -> NDArray[np.int64]:
    """Indices of up to `count` wrong answers, the worst first; where nothing is wrong, of the least good ones."""
    order = np.argsort(-np.nan_to_num(badness, nan=-np.inf), kind="stable")
    chosen: NDArray[np.int64] = order[wrong[order]] if wrong.any() else order
    return chosen[:count]


def _batches(predictor: Predictor, samples: Samples, tally: Tally) -> Iterator[Judged]:
    for rows, outputs in predictor.batches(samples):
        targets = samples.targets[rows]
        tally.add(outputs, targets)  # says what does not fit
        yield judge(predictor.task, outputs, targets)
