"""How well a predictor answers sample by sample: its decision, how sure or how near it is, and how bad that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import Samples
from zoo_core.tasks import Judged, Tally
from zoo_core.workflows.answers import Predictor


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Answers to the N samples of a split, without their masks: as in Judged, but for `decided`.

    That has the class numbers that occur in each decision: of labels the one, of numbers and pictures none.
    """

    decided: Sequence[tuple[int, ...]]
    value: NDArray[np.float64]
    badness: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    tally: Tally

    def worst(self) -> NDArray[np.int64]:
        """Indices of all wrong answers, the worst first; where nothing is wrong, of all answers."""
        return worst_first(self.badness, self.wrong, count=len(self.wrong))


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
        classes = part.decided.dtype.kind != "f"
        decided += [tuple(np.unique(each).tolist()) if classes else () for each in part.decided]
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
        yield predictor.task.judge(outputs, targets)
