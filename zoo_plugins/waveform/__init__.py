"""The recipe of sounds: WAV and FLAC files as waveforms of one rate and length, or as log-mel spectrograms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from .waves import WaveformRecipe


def waveform(
    *,
    rate: Annotated[int, "samples a second"] = 16000,
    seconds: Annotated[float, "length of each sound"] = 1.0,
    channels: Annotated[int, "1: the mean of all channels"] = 1,
    mel: Annotated[int, "bands of the spectrogram; 0: the waveform itself"] = 0,
    window: Annotated[int, "samples in a frame of the spectrogram"] = 400,
    hop: Annotated[int, "samples from one frame to the next"] = 160,
    low_hz: Annotated[float, "where the bands begin"] = 0.0,
    high_hz: Annotated[float, "where the bands end; 0: half the rate"] = 0.0,
) -> WaveformRecipe:
    """A sound at `rate` samples a second, `seconds` long: a longer one loses what is over at both ends alike, a shorter
    one gets silence at both ends alike.

    `channels`: 1 is their mean; of fewer than that, the last is repeated. `mel`: 0 gives the waveform, float32
    (channels, samples); else so many bands, float32 (channels, mel, frames): the power of Hann windows of `window`
    samples, `hop` apart, in triangles of the mel scale (HTK) from `low_hz` to `high_hz` (0: half the rate), as
    log(power + 1e-6).
    """
    from .waves import Framing, WaveformRecipe

    framing = Framing(bands=mel, window=window, hop=hop, low=low_hz, high=high_hz or rate / 2) if mel else None
    return WaveformRecipe(rate=rate, seconds=seconds, channels=channels, framing=framing)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(
        name="waveform",
        summary="a sound: rate, length, and a log-mel spectrogram if asked for",
        load=waveform,
        suffixes=(".wav", ".flac"),
    )
