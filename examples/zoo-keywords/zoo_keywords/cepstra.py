"""The recipe `mfcc`: how a sound becomes cepstral coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from zoo_core import ZooError
from zoo_core.recipes import MAX_AUDIO_BYTES, InputRecipe, Recipe, load_recipe

LEAST_DEVIATION = 0.01
"""A coefficient that varies less over a sound, as in silence, is not made larger than by this."""


class Cepstra(InputRecipe):
    """Its input is float32 (N, coefficients, frames). Files are read, and spectra made, by the zoo's own recipe."""

    most_bytes = MAX_AUDIO_BYTES

    def __init__(self, *, rate: int, seconds: float, coefficients: int, bands: int, window: int, hop: int) -> None:
        if not 1 <= coefficients <= bands:
            raise ZooError(
                f"recipe mfcc: {coefficients} coefficients of {bands} bands cannot be", hint="1 up to as many as bands"
            )
        self._spectrogram = load_recipe(
            Recipe("waveform", rate=rate, seconds=seconds, mel=bands, window=window, hop=hop)
        )
        self._cosines = cosines(coefficients, bands)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(coefficients, frames)."""
        waveform = self._spectrogram.shape
        return len(self._cosines), None if waveform is None else waveform[-1]

    def read(self, source: Any, *, name: str) -> NDArray[np.float32]:
        """The coefficients of a file, or of an array (T,) or (C, T) at the rate of the recipe."""
        wave = self._spectrogram.read(source, name=name)
        bands = self._spectrogram.prepare(self._spectrogram.stack([wave]))[0, 0]
        cepstrum = self._cosines @ bands.astype(np.float64)
        centred = cepstrum - cepstrum.mean(axis=1, keepdims=True)
        deviation = np.maximum(centred.std(axis=1, keepdims=True), LEAST_DEVIATION)
        return np.asarray(centred / deviation, np.float32)


def cosines(coefficients: int, bands: int) -> NDArray[np.float64]:
    """The first rows of the orthonormal DCT-II: float64 (coefficients, bands)."""
    places = np.arange(bands) + 0.5
    made = np.cos(np.pi / bands * np.arange(coefficients)[:, np.newaxis] * places) * np.sqrt(2 / bands)
    made[0] /= np.sqrt(2)
    return np.asarray(made)
