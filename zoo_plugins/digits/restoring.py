"""Digits with something to restore: with noise, or at half their size; numpy's raw Philox integers, on any machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 28
_STREAMS = {"train": 0, "validation": 1, "test": 2}


def enlarged(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, 8, 8) at the size that the digits have for a model, (N, 28, 28): bicubic, as their recipe says."""
    resized = [np.asarray(Image.fromarray(each).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in pictures]
    return np.stack(resized)


def noisy(pictures: NDArray[np.uint8], *, noise: float, seed: int, split: str) -> NDArray[np.uint8]:
    """The pictures with Gaussian noise of that standard deviation, in brightness from 0 to 1; what leaves it is cut."""
    added = _normal(pictures.size, seed=seed, stream=_STREAMS[split]).reshape(pictures.shape)
    return np.rint(np.clip(pictures + 255 * noise * added, 0, 255)).astype(np.uint8)


def halved(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, H, W) at half their size: the mean of four pixels each, rounded to nearest."""
    count, height, width = pictures.shape
    blocks = pictures.reshape(count, height // 2, 2, width // 2, 2).astype(np.uint16)
    return np.asarray((blocks.sum(axis=(2, 4)) + 2) // 4, np.uint8)


def _normal(count: int, *, seed: int, stream: int) -> NDArray[np.float64]:
    """Box and Muller (1958), from raw integers: numpy freezes these, but not what it makes of them."""
    pairs = (count + 1) // 2
    raw = np.random.Philox(key=np.array([seed, stream], np.uint64)).random_raw(2 * pairs)
    first, second = ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(2, pairs)
    radius = np.sqrt(-2 * np.log(1 - first))
    return np.concatenate([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)])[:count]
