"""Your own pictures: one folder for each class, PNG, JPEG, WEBP or BMP of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit


def image_folder(root: Path, *, split: str, download: bool) -> FileSplit | None:
    """The pictures of a split; None when the folder has no such split."""
    from zoo_core.data import read_class_folders

    return read_class_folders(root, split)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="image-folder",
        load=image_folder,
        task="image-classification",
        summary="your own pictures, one folder for each class: -d root=DIR",
        inputs={"image": TensorSpec("N", 3, 64, 64)},
        preprocess=Preprocess(resize=(64, 64), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        splits=("train", "validation", "test"),
        augment=("flip", "crop"),
    )
