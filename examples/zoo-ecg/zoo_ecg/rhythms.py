"""Recordings of several rhythms: when the beats come is drawn first, then each beat as in `recordings`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from zoo_core.data import ArraySplit

from .recordings import RATE, WAVES

P_WAVE = 1
"""The class of the wave that fibrillation does not have."""
EARLY = 0.6
"""Of a usual distance: when an extrasystole comes after the beat before it; the next one comes in time."""


def make_rhythms(*, length: int, count: int, noise: float, seed: tuple[int, int]) -> ArraySplit:
    """Recordings, float32 (count, 1, length), and the numbers of their rhythms, (count,)."""
    values, rhythms, _ = _recordings(length, count, noise, seed)
    return ArraySplit(inputs=values, targets=rhythms)


def make_rates(*, length: int, count: int, noise: float, seed: tuple[int, int]) -> ArraySplit:
    """The same recordings, and their beats a minute, float32 (count,)."""
    values, _, rates = _recordings(length, count, noise, seed)
    return ArraySplit(inputs=values, targets=rates)


def _recordings(
    length: int, count: int, noise: float, seed: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    values = np.empty((count, 1, length), np.float32)
    rhythms = np.arange(count, dtype=np.int64) % 3
    rates = np.empty(count, np.float32)
    for index, rhythm in enumerate(rhythms):
        random = np.random.default_rng([*seed, index])  # each has numbers of its own: more recordings begin alike
        rates[index] = random.uniform(50, 110)
        beats = _beats(int(rhythm), 60 / float(rates[index]), length / RATE, random)
        time = np.arange(length) / RATE
        values[index, 0] = _drawn(time, beats, random, has_p_wave=rhythm != 2) + noise * random.standard_normal(length)
    return values, rhythms, rates


def _beats(rhythm: int, period: float, seconds: float, random: np.random.Generator) -> NDArray[np.float64]:
    """When the beats are, in seconds, a little before and after the recording too."""
    number = int(seconds / period) + 6
    steady = period * (1 + 0.02 * random.standard_normal(number))
    if rhythm == 2:
        steady = period * random.gamma(12, 1 / 12, number)
    beats = np.cumsum(steady) - 2 * period - random.uniform(0, period)
    if rhythm == 1:
        chosen = 1 + random.choice(number - 2, size=max(1, number // 5), replace=False)
        beats[chosen] = beats[chosen - 1] + EARLY * period
    return beats


def _drawn(
    time: NDArray[np.float64], beats: NDArray[np.float64], random: np.random.Generator, *, has_p_wave: bool
) -> NDArray[np.float64]:
    values = 0.1 * np.sin(2 * np.pi * (random.uniform(0.1, 0.4) * time + random.uniform(0, 1)))
    for number, place, width, height in WAVES:
        if number == P_WAVE and not has_p_wave:
            continue
        stretched, tall = width * random.uniform(0.85, 1.15), height * random.uniform(0.7, 1.3)
        away = time[:, np.newaxis] - beats - place
        values += tall * np.exp(-((away / stretched) ** 2) / 2).sum(axis=1)
    return np.asarray(values)
