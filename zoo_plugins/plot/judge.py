"""How well a predictor answers sample by sample: its decision, how sure or how near it is, and how bad that is."""

from __future__ import annotations

from collections.abc import Iterator
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


def find_worst(predictor: Predictor, samples: Samples, *, count: int) -> tuple[NDArray[np.int64], int, Tally]:
    """The worst answers first, how many are wrong at all, and the tally. No output is kept."""
    tally = predictor.task.tally()
    badness, wrong = [], []
    for part in _batches(predictor, samples, tally):
        badness.append(part.badness)
        wrong.append(part.wrong)
    answers = np.concatenate(wrong)
    return worst_first(np.concatenate(badness), answers, count=count), int(answers.sum()), tally


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
