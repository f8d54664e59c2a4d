"""Pictures on the disk, half dark and half bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def half(path: str | Path, *, height: int = 20, width: int = 32, left: int = 0, right: int = 255) -> Path:
    """A grey picture whose right half is brighter."""
    pixels = np.full((height, width), left, np.uint8)
    pixels[:, width // 2 :] = right
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return Path(path)


def pixels_of(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)
