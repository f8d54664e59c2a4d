"""The recordings: a beat is a sum of bell curves, after McSharry et al. (2003)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from zoo_core.data import ArraySplit

RATE = 250
"""Values a second."""

WAVES = (
    # class, seconds after the R peak, width (standard deviation, seconds), height (mV); of a healthy adult at rest
    (1, -0.170, 0.022, 0.15),
    (2, -0.026, 0.009, -0.12),
    (2, 0.000, 0.011, 1.10),
    (2, 0.028, 0.010, -0.25),
    (3, 0.280, 0.042, 0.30),
)
REACH = 2.2
"""How far a wave counts to both sides of its peak, in widths."""


def make_recordings(*, length: int, count: int, noise: float, seed: tuple[int, int]) -> ArraySplit:
    """Recordings, float32 (count, 1, length), and masks, uint8 (count, length)."""
    random = np.random.default_rng(seed)
    period = 60 / random.uniform(50, 110, (count, 1))  # seconds from beat to beat
    time = np.arange(length) / RATE + random.uniform(0, 1, (count, 1)) * period
    values = 0.1 * np.sin(2 * np.pi * (random.uniform(0.1, 0.4, (count, 1)) * time + random.uniform(0, 1, (count, 1))))
    masks = np.zeros((count, length), np.uint8)
    for number, place, width, height in WAVES:
        stretched = width * random.uniform(0.85, 1.15, (count, 1))
        away = _from_nearest(time - place, period)
        values += height * random.uniform(0.7, 1.3, (count, 1)) * np.exp(-((away / stretched) ** 2) / 2)
        masks[np.abs(away) < REACH * stretched] = number
    values += noise * random.standard_normal((count, length))
    return ArraySplit(inputs=values.astype(np.float32)[:, np.newaxis], targets=masks)


def _from_nearest(time: NDArray[np.float64], period: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds from the nearest multiple of `period`."""
    away: NDArray[np.float64] = time - period * np.round(time / period)
    return away
