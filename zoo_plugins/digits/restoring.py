"""The digits as pictures to restore: at the size that they have for a model, and at half of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 28


def enlarged(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, 8, 8) at the size that the digits have for a model, (N, 28, 28): bicubic, as their recipe says."""
    resized = [np.asarray(Image.fromarray(each).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in pictures]
    return np.stack(resized)


def halved(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (N, H, W) at half their size: the mean of four pixels each, rounded to nearest."""
    count, height, width = pictures.shape
    blocks = pictures.reshape(count, height // 2, 2, width // 2, 2).astype(np.uint16)
    return np.asarray((blocks.sum(axis=(2, 4)) + 2) // 4, np.uint8)
