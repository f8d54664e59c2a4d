"""The layout of MNIST and of the datasets made after it: four IDX files, pictures and labels of train and test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.records import counted

from .download import RemoteFiles
from .idx import read_idx
from .splits import ArraySplit

_PARTS = {"train": "train", "test": "t10k"}
_OTHER_FILE = "one of them may have the name of another: fetch the files again"


def read_idx_split(root: Path, *, split: str, download: bool, source: RemoteFiles) -> ArraySplit | None:
    """Pictures (N, 28, 28) and labels of "train" or "test" from the IDX files in `root`, plain or gzipped.

    None for the test split of a folder that holds the training files alone. Raises ZooError for files that are missing,
    damaged, of another size, or not as many of one as of the other.
    """
    part = _PARTS[split]
    if split == "test" and not download and _holds(root, "train") and not _holds(root, "t10k"):
        return None
    images_path = _find(root, f"{part}-images-idx3-ubyte.gz", source, download=download)
    labels_path = _find(root, f"{part}-labels-idx1-ubyte.gz", source, download=download)
    images, labels = read_idx(images_path), read_idx(labels_path)
    _check(images, images_path, "uint8 pictures (N, 28, 28)", images.dtype == "uint8" and images.shape[1:] == (28, 28))
    _check(labels, labels_path, "uint8 labels (N,)", labels.dtype == "uint8" and labels.ndim == 1)
    if len(images) != len(labels):
        raise ZooError(
            f"{images_path} has {counted(len(images), 'picture')}, "
            f"but {labels_path} has {counted(len(labels), 'label')}",
            hint=_OTHER_FILE,
        )
    return ArraySplit(inputs=images, targets=labels)


def _holds(root: Path, part: str) -> bool:
    return any(root.glob(f"{part}-*-ubyte*"))


def _find(root: Path, name: str, source: RemoteFiles, *, download: bool) -> Path:
    unpacked = root / name.removesuffix(".gz")
    if unpacked.exists() and not (root / name).exists():
        return unpacked
    return source.find(name, root=root, download=download)


def _check(array: Any, path: Path, wanted: str, fits: bool) -> None:
    if not fits:
        raise ZooError(f"{path} holds {array.dtype} of shape {array.shape}, not {wanted}", hint=_OTHER_FILE)
