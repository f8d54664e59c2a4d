"""Noise that is the same on every machine: from raw Philox integers, which numpy freezes, and arithmetic of our own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def with_noise(pictures: NDArray[np.uint8], *, noise: float, seed: int, stream: int) -> NDArray[np.uint8]:
    """The pictures with Gaussian noise of that standard deviation, where black is 0 and white 1; what leaves it is cut.

    `stream`: of a seed, each has noise of its own, 0 or more.
    """
    added = _normal(pictures.size, key=np.array([seed, stream], np.uint64)).reshape(pictures.shape)
    return np.rint(np.clip(pictures + 255 * noise * added, 0, 255)).astype(np.uint8)


def _normal(count: int, *, key: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Box and Muller (1958): two normal numbers of two uniform ones."""
    pairs = (count + 1) // 2
    raw = np.random.Philox(key=key).random_raw(2 * pairs)
    first, second = ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(2, pairs)
    radius = np.sqrt(-2 * np.log(1 - first))
    return np.concatenate([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)])[:count]
