"""What no model at all would score: always answering the commonest class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED
from zoo_core.commands import counted


def scores_of_commonest(targets: NDArray[Any], *, places: bool) -> tuple[int, dict[str, float]]:
    """The commonest class of a split, and the metrics of always answering it; of masks where there are `places`.

    At least one place has to count.
    """
    counts = np.bincount(targets.reshape(-1), minlength=IGNORED + 1 if places else 1)
    if places:
        counts[IGNORED] = 0
    commonest = int(counts.argmax())
    share, present = float(counts[commonest] / counts.sum()), int(np.count_nonzero(counts))
    if places:
        return commonest, {"pixel_accuracy": share, "iou_mean": share / present}
    return commonest, {"accuracy": share, "recall": 1 / present}


def no_better_than_commonest(
    metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str], places: bool
) -> str:
    """Why the metrics of a split are those of a model that has learnt nothing, in words; empty where they are not.

    They are, where each metric is no better than that of the commonest class, nor, for whole samples, by more than two
    standard deviations of luck: `always answering 'cat', the commonest class, has accuracy 0.5200; this has 0.5100`.
    """
    commonest, least = scores_of_commonest(targets, places=places)
    lucky = {} if places else {name: _luck(value, len(targets)) for name, value in least.items()}
    if any(metrics.get(name, math.inf) > max(value, lucky.get(name, 0.0)) for name, value in least.items()):
        return ""
    name, value = next(iter(least.items()))
    label = classes[commonest] if commonest < len(classes) else commonest
    told = f"always answering {label!r}, the commonest class, has {name} {value:.4f}; this has {metrics[name]:.4f}"
    return f"{told}, which {counted(len(targets), 'sample')} can be by luck" if metrics[name] > value else told


def _luck(share: float, count: int) -> float:
    """What two standard deviations above a share are; the share itself where that would be everything."""
    above = share + 2 * math.sqrt(share * (1 - share) / count)
    return above if above < 1 else share
