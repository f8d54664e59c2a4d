"""Another sample rate: a polyphase filter, a sinc in a Kaiser window, as long as 16 zeros of the sinc to each side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

ZEROS = 16
BETA = 9.0
"""Of the Kaiser window: what is folded back lies some 90 dB below."""
ROLLOFF = 0.94
"""Where the filter ends, as a part of the lower one of both half rates."""

_MOST_PRODUCTS = 1 << 21
"""Products of samples and taps that are held at a time, for each channel."""


def resampled(samples: NDArray[np.float32], rate: int, wanted: int, *, most: int | None = None) -> NDArray[np.float32]:
    """Samples (C, T) at `rate` as they are at another one: float32 (C, ceil(T * wanted / rate)).

    `most`: of more than that only so many in the middle are made, whatever the rate of a file says.
    """
    whole = -(-samples.shape[1] * wanted // rate)
    length = whole if most is None else min(whole, most)
    first = (whole - length) // 2
    if rate == wanted:
        return samples[:, first : first + length]
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    cutoff = ROLLOFF * min(1.0, up / down)
    reach = math.ceil(ZEROS / cutoff)
    around = np.arange(-reach, reach + 1)
    padded = np.pad(samples.astype(np.float64), ((0, 0), (reach, reach + 1)))
    made = np.empty((len(samples), length), np.float32)
    step = max(1, _MOST_PRODUCTS // len(around))
    for start in range(0, length, step):
        places = (first + np.arange(start, min(start + step, length))) * down
        phases, which = np.unique(places % up, return_inverse=True)
        taps = _taps(around - phases[:, np.newaxis] / up, cutoff)[which]
        window = padded[:, places[:, np.newaxis] // up + around + reach]
        made[:, start : start + len(places)] = np.einsum("cpk,pk->cp", window, taps)
    return made


def _taps(distance: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """The filter at these distances from its middle, in samples; each row adds up to 1, so that silence stays even."""
    inside = np.clip(1 - (distance * cutoff / ZEROS) ** 2, 0, None)
    taps = np.sinc(distance * cutoff) * np.i0(BETA * np.sqrt(inside)) * (inside > 0)
    scaled: NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return scaled
