"""Scores of one class over all thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.float64], flags: NDArray[np.bool_]) -> float:
    """The area under precision over recall, as steps: the sum of (R_n - R_n-1) P_n over the different scores, the
    highest first. At least one flag is set."""
    right, said = _at_thresholds(scores, flags)[:2]
    precision, recall = right / said, right / flags.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_threshold(probabilities: NDArray[np.float64], flags: NDArray[Any]) -> float:
    """A probability from which a class counts as there, with the best F1 of these samples: halfway between the last
    sample that counts and the next. 0.5 where no sample has the class."""
    flags = flags.astype(np.bool_)
    if not flags.any():
        return 0.5
    right, said, scores = _at_thresholds(probabilities, flags)
    best = int(np.argmax(2 * right / (said + flags.sum())))
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float(np.clip((scores[best] + below) / 2, 1e-6, 1 - 1e-6))


def _at_thresholds(
    scores: NDArray[np.float64], flags: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each different score, the highest first: how many at or above it are right, how many there are, and it."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    right: NDArray[np.int64] = np.cumsum(flags[order], dtype=np.int64)
    return right[last], last.astype(np.int64) + 1, ranked[last]
