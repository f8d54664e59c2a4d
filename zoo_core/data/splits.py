"""What a dataset's loader returns: arrays in memory, or files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError


@dataclass(frozen=True, kw_only=True)
class ArraySplit:
    """Samples in memory.

    `inputs`: uint8 pictures, (N, H, W) grey or (N, H, W, C) grey or RGB, for a dataset with preprocessing; float32
    arrays in the model's layout for one without. `targets`: class numbers (N,). `classes`: names, where only the
    data know them.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class FileSplit:
    """Samples as picture files, in the order that counts. `targets` and `classes` as in ArraySplit."""

    paths: tuple[Path, ...]
    targets: NDArray[Any]
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.paths)


Split = ArraySplit | FileSplit


def checked_split(split: object, *, where: str, known: tuple[str, ...] | None) -> tuple[Split, tuple[str, ...]]:
    """A loader's answer with int64 targets, and its class names. Raises ZooError when it breaks the contract."""
    if not isinstance(split, ArraySplit | FileSplit):
        raise ZooError(f"{where}: the loader returned {type(split).__name__}, not an ArraySplit or a FileSplit")
    if isinstance(split, ArraySplit) and not isinstance(split.inputs, np.ndarray):
        raise ZooError(f"{where}: inputs are a numpy array, not {type(split.inputs).__name__}")
    classes = split.classes if split.classes is not None else known
    if classes is None:
        raise ZooError(f"{where}: neither the dataset nor the loaded data name the classes")
    if len(set(classes)) != len(classes):
        raise ZooError(f"{where}: a class name appears twice: {', '.join(classes)}")
    targets = np.asarray(split.targets)
    if not np.issubdtype(targets.dtype, np.integer) or targets.ndim != 1 or len(targets) != len(split):
        raise ZooError(
            f"{where}: {len(split)} samples need as many whole numbers as targets, "
            f"not {targets.dtype} of shape {targets.shape}"
        )
    if len(split) == 0:
        raise ZooError(f"{where} has no samples")
    if targets.min() < 0 or targets.max() >= len(classes):
        raise ZooError(f"{where}: targets from {targets.min()} to {targets.max()}, but {len(classes)} classes")
    targets = targets.astype(np.int64)
    if isinstance(split, ArraySplit):
        return ArraySplit(inputs=split.inputs, targets=targets), tuple(classes)
    return FileSplit(paths=tuple(split.paths), targets=targets), tuple(classes)


def take(split: Split, index: NDArray[np.int64]) -> Split:
    """The samples at `index`, in that order."""
    if isinstance(split, ArraySplit):
        return ArraySplit(inputs=split.inputs[index], targets=split.targets[index])
    return FileSplit(paths=tuple(split.paths[i] for i in index), targets=split.targets[index])
