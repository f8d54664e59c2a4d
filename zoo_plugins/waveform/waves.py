"""A sound as an input: brought to one rate, one number of channels and one length, then to a spectrogram."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.recipes import MAX_AUDIO_BYTES, MAX_AUDIO_CHANNELS, MAX_AUDIO_SAMPLES, MAX_SAMPLE_RATE, InputRecipe

from .files import read_sound
from .resampling import resampled

FLOOR = 1e-6
"""What is added to a power before its logarithm."""

_LEAST_RATE = 1000
_MOST_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a spectrogram is cut: `bands` of the mel scale from `low` to `high` Hz, windows and hops in samples."""

    bands: int
    window: int
    hop: int
    low: float
    high: float


class WaveformRecipe(InputRecipe):
    """Samples are kept as float32 (C, T); the spectrogram is made of them batch by batch."""

    most_bytes = MAX_AUDIO_BYTES

    def __init__(self, *, rate: int, seconds: float, channels: int, framing: Framing | None) -> None:
        fits = _LEAST_RATE <= rate <= MAX_SAMPLE_RATE and 0 < seconds <= _MOST_SECONDS
        if not fits or not 1 <= channels <= MAX_AUDIO_CHANNELS:
            raise ZooError(
                f"recipe waveform: {rate} Hz, {seconds} s and {channels} channels cannot be",
                hint=f"rate from {_LEAST_RATE} to {MAX_SAMPLE_RATE}, seconds up to {_MOST_SECONDS}, "
                f"1 to {MAX_AUDIO_CHANNELS} channels",
            )
        self._rate, self._channels, self._framing = rate, channels, framing
        self._length = max(1, round(rate * seconds))
        if channels * self._length > MAX_AUDIO_SAMPLES:
            raise ZooError(
                f"recipe waveform: {counted(channels, 'channel')} of {counted(self._length, 'sample')} are too many",
                hint=f"{MAX_AUDIO_SAMPLES:,} samples in all",
            )
        if framing is not None:
            _check(framing, rate, self._length)

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, samples), or (channels, bands, frames)."""
        if self._framing is None:
            return self._channels, self._length
        return self._channels, self._framing.bands, frame_count(self._length, self._framing)

    def read(self, source: Any, *, name: str) -> NDArray[np.float32]:
        """The sound at the rate, the channels and the length of the recipe: float32 (C, T), from -1 to 1.

        An array (C, T) or (T,) is taken as it is, at the rate of the recipe.
        """
        if isinstance(source, bytes):
            samples, rate = read_sound(source, name=name)
            samples = resampled(_mixed(samples, self._channels), rate, self._rate, most=self._length)
        elif isinstance(source, np.ndarray) and source.ndim in {1, 2} and source.size and source.dtype.kind == "f":
            samples = _mixed(np.atleast_2d(source).astype(np.float32), self._channels)
        else:
            raise ZooError(f"{name} is no sound", hint="a WAV or FLAC file, or an array of floats (channels, samples)")
        if not np.isfinite(samples).all():
            raise ZooError(f"{name} has samples that are no finite numbers", hint="record or convert it again")
        return _of_length(samples, self._length)

    def prepare(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The waveforms (N, C, T), or their spectrograms (N, C, bands, frames)."""
        waves: NDArray[np.float32] = stored
        return waves if self._framing is None else log_mel(waves, self._framing, self._rate)


def _check(framing: Framing, rate: int, length: int) -> None:
    if not (1 <= framing.hop <= framing.window <= length and framing.window >= 2):
        window = counted(framing.window, "sample")
        raise ZooError(
            f"recipe waveform: windows of {window}, {framing.hop} apart, do not fit into {length}",
            hint="hop up to window, and window up to rate * seconds",
        )
    if not 0 <= framing.low < framing.high <= rate / 2 or not 1 <= framing.bands <= framing.window:
        raise ZooError(
            f"recipe waveform: {framing.bands} bands from {framing.low:g} to {framing.high:g} Hz cannot be",
            hint=f"frequencies up to {rate / 2:g} Hz, and no more bands than samples in a window",
        )


def _mixed(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """(C, T) with so many channels: the mean for one, and the last repeated for more than there are."""
    if channels == 1:
        mean: NDArray[np.float32] = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        return mean
    index = np.minimum(np.arange(channels), len(samples) - 1)
    return samples[index]


def _of_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    have = samples.shape[1]
    if have >= length:
        begin = (have - length) // 2
        return np.ascontiguousarray(samples[:, begin : begin + length])
    before = (length - have) // 2
    return np.pad(samples, ((0, 0), (before, length - have - before)))


def frame_count(length: int, framing: Framing) -> int:
    """Windows in a sound of so many samples; the first begins with it, and none goes beyond its end."""
    return 1 + (length - framing.window) // framing.hop


def log_mel(waves: NDArray[np.float32], framing: Framing, rate: int) -> NDArray[np.float32]:
    """Log-mel spectrograms of waveforms (..., T): float32 (..., bands, frames)."""
    made = np.empty((*waves.shape[:-1], framing.bands, frame_count(waves.shape[-1], framing)), np.float32)
    bands = mel_bands(framing, rate)
    for place in np.ndindex(waves.shape[:-1]):  # one by one: a window of all of them at once takes much memory
        frames = np.lib.stride_tricks.sliding_window_view(waves[place], framing.window)[:: framing.hop]
        spectrum = np.fft.rfft(frames * _hann(framing.window))
        power = spectrum.real**2 + spectrum.imag**2
        made[place] = np.log(power @ bands + FLOOR).T
    return made


@functools.cache
def _hann(window: int) -> NDArray[np.float64]:
    # The periodic one, as torch and librosa have it.
    hann: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return hann


@functools.cache
def mel_bands(framing: Framing, rate: int) -> NDArray[np.float64]:
    """Triangles of the mel scale (HTK, not normalised) over the frequencies of a window: (window // 2 + 1, bands)."""
    frequencies = np.arange(framing.window // 2 + 1) * rate / framing.window
    edges = _hz(np.linspace(_mel(framing.low), _mel(framing.high), framing.bands + 2))
    slopes = edges[np.newaxis] - frequencies[:, np.newaxis]
    widths = np.diff(edges)
    rising, falling = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return triangles


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hz: NDArray[np.float64] = 700 * (10 ** (mel / 2595) - 1)
    return hz
