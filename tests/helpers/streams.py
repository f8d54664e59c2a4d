"""Streams of samples that other processes find too, and datasets of them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from small_datasets import bound

from zoo_core import Preprocess, TensorSpec
from zoo_core.data import BoundDataset, StreamSplit


def noise(*, side: int, pause: float = 0.0) -> Callable[[int], np.ndarray]:
    """Floats that are a function of the number of a sample."""

    def read(number: int) -> np.ndarray:
        time.sleep(pause)
        return np.random.default_rng(number).random((1, side, side), np.float32)

    return read


def pictures(*, kind: str, folder: str = "") -> Callable[[int], Any]:
    """Pictures as PNG files, their paths, or pixels."""

    def read(number: int) -> Any:
        pixels = np.random.default_rng(number).integers(0, 256, (9, 8, 3), np.uint8)
        if kind == "pixels":
            return pixels
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        if kind == "content":
            return content.getvalue()
        path = Path(folder) / f"{number}.png"
        if not path.exists():
            path.write_bytes(content.getvalue())
        return path

    return read


def both(*, side: int) -> Callable[[int], dict[str, np.ndarray]]:
    """Two inputs, of two dtypes."""

    def read(number: int) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(number)
        return {"left": generator.random(side, np.float32), "right": generator.integers(0, 99, (2, side))}

    return read


def forgetting() -> Callable[[int], Any]:
    """Its author has forgotten to return anything."""

    def read(number: int) -> None:
        np.full((1, 4, 4), number, np.float32)

    return read


def mistaken() -> Callable[[int], np.ndarray]:
    """It fails for every number."""

    def read(number: int) -> np.ndarray:
        return number + None  # type: ignore[operator]

    return read


def drifting() -> Callable[[int], np.ndarray]:
    """No sample is twice the same."""
    calls = iter(range(10**9))
    return lambda number: np.full((1, 4, 4), next(calls), np.float32)


def failing() -> Callable[[int], np.ndarray]:
    """Each third sample is missing."""

    def read(number: int) -> np.ndarray:
        return {each: np.zeros((1, 4, 4), np.float32) for each in range(100) if each % 3}[number]

    return read


def dataset(reader: Callable[..., Any], count: int, *, given: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """A dataset of one stream, in four classes: its first samples are those of train, the last ones of test."""
    shape = arguments.pop("shape", None)
    preprocess = None if shape else Preprocess(resize=(6, 5), mean=(0.5,) * 3, std=(0.2,) * 3)
    inputs = arguments.pop("inputs", None) or {"image": TensorSpec("N", *(shape or (3, 6, 5)))}

    def load(root: Path, *, split: str, download: bool) -> StreamSplit:
        numbers = np.arange(count) if split == "train" else np.arange(count, count + 8)
        return StreamSplit(reader=reader, arguments=arguments, targets=numbers % 4, numbers=numbers)

    made: BoundDataset = bound(load, given, inputs=inputs, preprocess=preprocess)
    return made
