"""A small convolutional network for spectrograms of sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, Recipe, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import MelNet


def melnet(
    *, in_channels: int = 1, bands: int = 40, frames: int = 98, num_classes: int = 10, width: int = 24
) -> MelNet:
    """Convolutions over bands and time, then the mean over both; logits (N, num_classes).

    Raises ValueError for a width below 1.
    """
    from .net import MelNet  # torch lives there, and is needed only when a model is built

    return MelNet(in_channels, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="melnet",
        build=melnet,
        task="audio-classification",
        summary="Small CNN on log-mel spectrograms of short sounds",
        inputs={"spectrogram": TensorSpec("N", "in_channels", "bands", "frames", low=-14.0, high=8.0)},
        outputs={"logits": TensorSpec("N", "num_classes")},
        recipes={"spectrogram": Recipe("waveform", rate=16000, seconds=1.0, mel=40)},
        source="https://www.isca-archive.org/interspeech_2015/sainath15b_interspeech.html",
        license="Apache-2.0",
        recipe={"epochs": 12, "batch_size": 32, "lr": 0.004, "augment": "none"},
    )
