"""Ten spoken words: a dataset that espeak-ng speaks, the recipe of cepstra, and a small network that hears them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, ModelSpec, Recipe, RecipeSpec, TensorSpec, ZooError, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit

    from .cepstra import Cepstra
    from .net import TCResNet

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
SPLITS = ("train", "validation", "test")
LIMITS = {"takes": (1, 100), "noise": (0.0, 1.0), "seed": (0, 2**63 - 1)}


def mfcc(
    *,
    rate: int = 16000,
    seconds: float = 1.0,
    coefficients: int = 20,
    bands: int = 40,
    window: int = 400,
    hop: int = 160,
) -> Cepstra:
    """The sound as `waveform` reads it, and of its log-mel spectrogram of `bands` the first `coefficients` of the
    orthonormal DCT-II, float32 (coefficients, frames).

    Each coefficient has mean 0 and standard deviation 1 over the sound, so that loudness and the colour of a microphone
    do not matter; one that hardly varies is 0.
    """
    from .cepstra import Cepstra  # numpy is needed only when a sound is read

    return Cepstra(rate=rate, seconds=seconds, coefficients=coefficients, bands=bands, window=window, hop=hop)


def spoken_words(
    root: Path, *, split: str, download: bool, takes: int = 4, noise: float = 0.01, seed: int = 0
) -> FileSplit:
    """WAV files of one second, in which one speaker says one word once: `takes` of each word by each speaker.

    They are spoken when they are first asked for, and kept in `root`. `noise` is the standard deviation of white noise;
    the loudest place of a word lies from 0.3 to 0.9. Speakers and accents of one part are in no other part.
    """
    for name, value in (("takes", takes), ("noise", noise), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ZooError(f"dataset spoken-words: {name} is {low:,} to {high:,}, not {value:,}", hint=f"-d {name}=...")
    from .recordings import recorded

    return recorded(root, split, takes=takes, noise=noise, seed=seed)


def tcresnet(*, coefficients: int = 20, num_classes: int = 10, width: int = 16, kernel_size: int = 9) -> TCResNet:
    """Convolutions over time alone, the coefficients as channels; returns logits, shape (N, num_classes).

    Raises ValueError for a width that is no multiple of 2, and for a kernel of even size.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width is even and at least 2, not {width}")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size is odd, so that each block halves the time, not {kernel_size}")
    from .net import TCResNet  # torch lives there, and is needed only when a model is built

    return TCResNet(coefficients, width, kernel_size, num_classes)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(
        name="mfcc",
        summary="a sound: mel-frequency cepstral coefficients, normalised over the sound",
        load=mfcc,
        suffixes=(".wav", ".flac"),
    )


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="spoken-words",
        load=spoken_words,
        task="audio-classification",
        summary="ten words, spoken by espeak-ng with many voices, those of the test never heard before",
        inputs={
            "cepstrum": TensorSpec("N", 20, 98, low=-5.0, high=5.0),
            "spectrogram": TensorSpec("N", 1, 40, 98, low=-14.0, high=8.0),
        },
        recipes={
            "cepstrum": Recipe("mfcc", source="sound"),
            "spectrogram": Recipe("waveform", source="sound", mel=40),
        },
        classes=WORDS,
        splits=SPLITS,
        source="https://github.com/espeak-ng/espeak-ng",
        license="GPL-3.0-or-later",  # of espeak-ng: consonants are recordings that are a part of it
    )


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="tcresnet",
        build=tcresnet,
        task="audio-classification",
        summary="TC-ResNet8: convolutions over time, for short sounds",
        inputs={"cepstrum": TensorSpec("N", "coefficients", "T", low=-5.0, high=5.0)},
        outputs={"logits": TensorSpec("N", "num_classes")},
        recipes={"cepstrum": Recipe("mfcc")},
        source="https://arxiv.org/abs/1904.03814",
        license="Apache-2.0",
        recipe={"epochs": 20, "batch_size": 32, "lr": 0.005, "augment": "none"},
    )
