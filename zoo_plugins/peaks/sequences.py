"""The numbers of the sequences, from raw Philox integers and arithmetic of our own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import ArraySplit

_STREAMS = {"train": 0, "validation": 1, "test": 2}
_DRAWS = 6


def make_sequences(split: str, *, length: int, count: int, seed: int) -> ArraySplit:
    """Sequences, float32 (count, 1, length), and masks, uint8 (count, length)."""
    half = (length + 1) // 2
    unit = _uniform(count, _DRAWS + 2 * half, seed=seed, stream=_STREAMS[split])
    start = np.floor(unit[:, 0] * (length // 2))
    stop = start + 1 + np.floor(unit[:, 1] * (length - 1 - start))
    height, frequency, amplitude, phase = (
        (low + (high - low) * unit[:, column])[:, np.newaxis]
        for column, (low, high) in enumerate([(1, 3), (0.05, 0.2), (0.5, 1.5), (0, 2 * np.pi)], start=2)
    )
    place = np.arange(length)
    inside = (place >= start[:, np.newaxis]) & (place < stop[:, np.newaxis])
    wave = amplitude * np.sin(2 * np.pi * frequency * place + phase)
    values = height * inside + wave + 0.1 * _normal(unit[:, _DRAWS:])[:, :length]
    return ArraySplit(inputs=values.astype(np.float32)[:, np.newaxis], targets=inside.astype(np.uint8))


def _uniform(rows: int, columns: int, *, seed: int, stream: int) -> NDArray[np.float64]:
    """Numbers in [0, 1). Raw integers of a bit generator: numpy freezes that stream, but not what it makes of it."""
    key = np.array([seed, stream], np.uint64)
    raw = np.random.Philox(key=key).random_raw(rows * columns)
    return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(rows, columns)


def _normal(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Box and Muller (1958): two normal numbers from two uniform ones."""
    first, second = np.split(unit, 2, axis=1)
    radius = np.sqrt(-2 * np.log(1 - first))
    return np.concatenate([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], axis=1)
