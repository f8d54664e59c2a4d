"""Drawing the scenes: each shape is a condition on the distances from its middle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import ArraySplit

Distances = NDArray[np.float64]


def _disc(down: Distances, across: Distances, radius: float) -> NDArray[np.bool_]:
    return np.asarray(np.hypot(down, across) < radius)


def _square(down: Distances, across: Distances, radius: float) -> NDArray[np.bool_]:
    return np.asarray(np.maximum(np.abs(down), np.abs(across)) < 0.85 * radius)


def _triangle(down: Distances, across: Distances, radius: float) -> NDArray[np.bool_]:
    return np.asarray((down < 0.7 * radius) & (2 * np.abs(across) < 0.9 * radius + down))


def _cross(down: Distances, across: Distances, radius: float) -> NDArray[np.bool_]:
    thin, long = np.minimum(np.abs(down), np.abs(across)), np.maximum(np.abs(down), np.abs(across))
    return np.asarray((thin < 0.25 * radius) & (long < radius))


SHAPES: Sequence[Callable[[Distances, Distances, float], NDArray[np.bool_]]] = (_disc, _square, _triangle, _cross)
CHANCE = 0.4
"""Of each shape to be on a picture."""


def make_scenes(count: int, *, side: int, seed: Sequence[int]) -> ArraySplit:
    """`count` pictures, uint8 (count, side, side), and flags (count, 4)."""
    # A bit generator's raw numbers are frozen by numpy; each picture has its own, so that more of them begin alike.
    pictures = np.empty((count, side, side), np.uint8)
    flags = np.empty((count, len(SHAPES)), np.uint8)
    down, across = np.mgrid[:side, :side].astype(np.float64)
    for index in range(count):
        drawn = _uniform([*seed, index], len(SHAPES) * 5 + side * side)
        noise = drawn[len(SHAPES) * 5 :].reshape(side, side)
        scene = 20 + 60 * noise
        for number, (shape, own) in enumerate(zip(SHAPES, drawn[: len(SHAPES) * 5].reshape(-1, 5), strict=True)):
            flags[index, number] = own[0] < CHANCE
            if not flags[index, number]:
                continue
            radius = 5 + 4 * own[1]
            middle = radius + (side - 2 * radius) * own[2:4]
            inside = shape(down - middle[0], across - middle[1], radius)
            scene = np.where(inside, 110 + 110 * own[4] + 30 * noise, scene)
        pictures[index] = np.clip(scene, 0, 255)
    return ArraySplit(inputs=pictures, targets=flags)


def _uniform(seed: Sequence[int], count: int) -> NDArray[Any]:
    """Numbers from 0 to below 1."""
    raw = np.random.Philox(np.random.SeedSequence(list(seed))).random_raw(count)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
