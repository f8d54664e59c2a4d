"""What no model at all would score: always answering the commonest class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import counted
from zoo_core.specs import IGNORED
from zoo_core.task_names import MASK_TASKS


def scores_of_commonest(targets: NDArray[Any], *, task: str) -> tuple[int, dict[str, float]]:
    """The commonest class of a split, and the metrics of always answering it; `targets` as a Task takes them.

    At least one place has to count.
    """
    masks = task in MASK_TASKS
    counts = np.bincount(targets.reshape(-1), minlength=IGNORED + 1 if masks else 1)
    if masks:
        counts[IGNORED] = 0
    commonest = int(counts.argmax())
    share, present = float(counts[commonest] / counts.sum()), int(np.count_nonzero(counts))
    if masks:
        return commonest, {"pixel_accuracy": share, "iou_mean": share / present}
    return commonest, {"accuracy": share, "recall": 1 / present}


def no_better_than_chance(metrics: Mapping[str, float], targets: NDArray[Any], *, task: str) -> bool:
    """Whether the metrics of a split are those of a model that has learnt nothing.

    Each metric is no better than that of the commonest class, nor, for whole samples, by more than two standard
    deviations of luck.
    """
    _, least = scores_of_commonest(targets, task=task)
    lucky = {} if task in MASK_TASKS else {name: _luck(value, len(targets)) for name, value in least.items()}
    return all(metrics.get(name, math.inf) <= max(value, lucky.get(name, 0.0)) for name, value in least.items())


def _luck(share: float, count: int) -> float:
    """What two standard deviations above a share are; the share itself where that would be everything."""
    above = share + 2 * math.sqrt(share * (1 - share) / count)
    return above if above < 1 else share


def in_words(metrics: Mapping[str, float], targets: NDArray[Any], *, task: str, classes: Sequence[str]) -> str:
    """`always answering 'cat', the commonest class, has accuracy 0.5200; this has 0.5100`."""
    commonest, least = scores_of_commonest(targets, task=task)
    name, value = next(iter(least.items()))
    label = classes[commonest] if commonest < len(classes) else commonest
    told = f"always answering {label!r}, the commonest class, has {name} {value:.4f}; this has {metrics[name]:.4f}"
    return f"{told}, which {counted(len(targets), 'sample')} can be by luck" if metrics[name] > value else told
