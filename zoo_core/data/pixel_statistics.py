"""Mean and standard deviation of each channel, in one pass over the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .samples import Samples

_CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of each channel of `n` samples: the mean, and the standard deviation of the whole population (not of a sample).

    Pictures count after resizing, `pixels * scale`, before mean and std; arrays as they are.
    """

    n: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"n": self.n, "mean": list(self.mean), "std": list(self.std)}


def channel_statistics(samples: Samples) -> Statistics:
    """The statistics over the channels, axis 1 of the stored first input, in float64, a few samples at a time."""
    stored = samples.main
    per_sample = max(1, int(np.prod(stored.shape[1:])))
    step = max(1, _CHUNK_BYTES // (8 * per_sample))
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for start in range(0, len(stored), step):
        values = _by_channel(stored[start : start + step])
        size = values.shape[1]
        own_mean = values.mean(axis=1)
        own_squares = ((values - own_mean[:, np.newaxis]) ** 2).sum(axis=1)
        # Chan, Golub and LeVeque (1979): two parts joined without a difference of large numbers.
        delta = own_mean - mean
        squares = squares + own_squares + delta**2 * (count * size / (count + size))
        mean = mean + delta * (size / (count + size))
        count += size
    scale = 1.0 if samples.preprocess is None else samples.preprocess.scale
    std = np.sqrt(squares / count)
    return Statistics(
        n=len(stored),
        mean=tuple(float(value * scale) for value in mean),
        std=tuple(float(value * abs(scale)) for value in std),
    )


def _by_channel(chunk: NDArray[Any]) -> NDArray[np.float64]:
    """(n, C, ...) as (C, values); an array without channels has one."""
    channels = chunk.shape[1] if chunk.ndim > 1 else 1
    return np.moveaxis(chunk.reshape(len(chunk), channels, -1), 1, 0).reshape(channels, -1).astype(np.float64)
