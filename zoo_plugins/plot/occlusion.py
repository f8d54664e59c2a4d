"""What a class loses when a part of the picture is covered (Zeiler and Fergus, 2014); no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import Samples

from .layers import Why

PARTS = 5
"""Covers along the shorter side that would lie side by side; three times as many overlap."""


def covered_map(
    sample: Samples, decided: int, chances: NDArray[np.float64], probabilities: Callable[[Samples], NDArray[np.float64]]
) -> Why:
    """How much less probable the class becomes where a part is covered: the mean over all covers of a place.

    `sample` is one picture, and a cover has its mean colour. `probabilities` asks the model for pictures, (N, K).
    """
    stored = sample.main  # (1, C, h, w)
    side = max(1, round(min(stored.shape[2:]) / PARTS))
    places = [(top, left) for top in _starts(stored.shape[2], side) for left in _starts(stored.shape[3], side)]
    covers = np.repeat(stored, len(places), axis=0)
    mean = np.rint(stored.mean(axis=(2, 3), keepdims=True)[0]).astype(stored.dtype)
    for cover, (top, left) in zip(covers, places, strict=True):
        cover[:, top : top + side, left : left + side] = mean
    name = next(iter(sample.inputs))
    asked = dataclasses.replace(
        sample, inputs={name: covers}, targets=np.repeat(sample.targets, len(places), axis=0), files=None
    )
    drops = chances[decided] - probabilities(asked)[:, decided]
    total, count = np.zeros(stored.shape[2:]), np.zeros(stored.shape[2:])
    for drop, (top, left) in zip(drops, places, strict=True):
        total[top : top + side, left : left + side] += drop
        count[top : top + side, left : left + side] += 1
    told = f"covered: {chances[decided] - drops.max():.2f}"
    return Why(values=total / count, decided=decided, probability=float(chances[decided]), told=told)


def _starts(length: int, side: int) -> list[int]:
    step = max(1, side // 3)
    return [*range(0, length - side, step), length - side]
