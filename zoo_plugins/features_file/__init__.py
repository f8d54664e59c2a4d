"""Features that `zoo features` has written, for a small classifier to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit


def features_file(root: Path, *, split: str, download: bool) -> ArraySplit | None:
    """The features of a split, float32 (N, C, H, W); vectors (N, C) become (N, C, 1, 1). None where there is no file.

    `root`: one file, which is train, or a folder with train.npz, and validation.npz and test.npz where there are any.
    """
    from .files import read_split

    return read_split(root, split)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="features-file",
        load=features_file,
        task="image-classification",
        summary="what zoo features has written: -d root=FILE.npz, or a folder with train.npz and test.npz",
        # Capitals: only the file knows how many there are.
        inputs={"features": TensorSpec("N", "C", "H", "W")},
        splits=("train", "validation", "test"),
    )
