"""Your own sounds: one folder for each class, WAV or FLAC of any rate and length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from zoo_core import DatasetSpec, Recipe, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit


def audio_folder(
    root: Path,
    *,
    split: str,
    download: bool,
    rate: Annotated[int, "samples a second: every sound is brought to it"] = 16000,
    seconds: Annotated[float, "length: a longer sound is cut at both ends, a shorter one gets silence there"] = 1.0,
    mel: Annotated[int, "bands of the spectrogram; more tell tones apart more finely"] = 40,
) -> FileSplit | None:
    """The sounds of a split; None when the folder has no such split."""
    from zoo_core.data import read_class_folders

    return read_class_folders(root, split, suffixes=(".wav", ".flac"), what="sounds")


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="audio-folder",
        load=audio_folder,
        task="audio-classification",
        summary="your own sounds, one folder for each class: -d root=DIR",
        inputs={"spectrogram": TensorSpec("N", 1, "B", "T", low=-14.0, high=8.0)},
        recipes={"spectrogram": Recipe("waveform", rate=16000, seconds=1.0, mel=40)},
        splits=("train", "validation", "test"),
    )
