"""What a dataset's loader returns: arrays in memory, or files; class numbers, or masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.specs import IGNORED
from zoo_core.task_names import MASK_TASKS


@dataclass(frozen=True, kw_only=True)
class MaskFiles:
    """Masks as picture files, one for each sample, each as large as its picture.

    `numbers`: which class number each pixel value stands for (IGNORED: not counted). Pictures with a palette count
    with the numbers of their entries, whatever the colours.
    """

    paths: tuple[Path, ...]
    numbers: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, kw_only=True)
class ArraySplit:
    """Samples in memory.

    `inputs`: uint8 pictures, (N, H, W) grey or (N, H, W, C) grey or RGB, for a dataset with preprocessing; float32
    arrays in the model's layout for one without. `targets`: class numbers (N,); or for the MASK_TASKS masks, as large
    as the pictures (N, H, W) or as the sequences (N, L): the class number of each place, or IGNORED. `classes`: names,
    where only the data know them.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class FileSplit:
    """Samples as picture files, in the order that counts.

    `targets`: class numbers (N,), or MaskFiles for "semantic-segmentation". `classes` as in ArraySplit. `misnamed`:
    a file's name may not say its format, and it may be a GIF, whose first frame counts.
    """

    paths: tuple[Path, ...]
    targets: NDArray[Any] | MaskFiles
    classes: tuple[str, ...] | None = None
    misnamed: bool = False

    def __len__(self) -> int:
        return len(self.paths)


Split = ArraySplit | FileSplit


def checked_split(
    split: object, *, where: str, known: tuple[str, ...] | None, task: str
) -> tuple[Split, tuple[str, ...]]:
    """A loader's answer with targets in their final type, and its class names.

    Class numbers become int64, masks in memory uint8. Raises ZooError when the answer breaks the contract.
    """
    if not isinstance(split, ArraySplit | FileSplit):
        raise ZooError(f"{where}: the loader returned {type(split).__name__}, not an ArraySplit or a FileSplit")
    if isinstance(split, ArraySplit) and not isinstance(split.inputs, np.ndarray):
        raise ZooError(f"{where}: inputs are a numpy array, not {type(split.inputs).__name__}")
    classes = split.classes if split.classes is not None else known
    if classes is None:
        raise ZooError(f"{where}: neither the dataset nor the loaded data name the classes")
    _check_names(classes, where=where)
    targets: Any
    if task not in MASK_TASKS:
        targets = _class_numbers(split, len(classes), where=where)
    elif isinstance(split.targets, MaskFiles):
        targets = _mask_files(split, split.targets, len(classes), where=where)
    else:
        targets = _masks(split, len(classes), where=where)
    if len(split) == 0:
        raise ZooError(f"{where} has no samples")
    return dataclasses.replace(split, targets=targets), tuple(classes)


def _check_names(classes: tuple[str, ...], *, where: str) -> None:
    if len(set(classes)) != len(classes):
        raise ZooError(f"{where}: a class name appears twice: {', '.join(classes)}")
    for name in classes:
        if not isinstance(name, str) or any("\ud800" <= character <= "\udfff" for character in name):
            hint = "names of folders that are no UTF-8 have to be renamed"
            raise ZooError(f"{where}: the class name {name!r} is no text that can be written", hint=hint)


def _class_numbers(split: Split, classes: int, *, where: str) -> NDArray[np.int64]:
    if isinstance(split.targets, MaskFiles):
        raise ZooError(f"{where}: masks are for the tasks {', '.join(MASK_TASKS)}")
    targets = np.asarray(split.targets)
    if not np.issubdtype(targets.dtype, np.integer) or targets.ndim != 1 or len(targets) != len(split):
        raise ZooError(
            f"{where}: {len(split)} samples need as many whole numbers as targets, "
            f"not {targets.dtype} of shape {targets.shape}"
        )
    if len(targets) and (targets.min() < 0 or targets.max() >= classes):
        raise ZooError(
            f"{where}: targets from {targets.min()} to {targets.max()}, but {classes} classes",
            hint="its files are damaged, or those of another dataset",
        )
    return targets.astype(np.int64)


def _masks(split: Split, classes: int, *, where: str) -> NDArray[np.uint8]:
    masks = np.asarray(split.targets)
    if isinstance(split, FileSplit):
        raise ZooError(f"{where}: the masks of picture files are MaskFiles, not {masks.dtype} of shape {masks.shape}")
    if not np.issubdtype(masks.dtype, np.integer) or masks.ndim not in {2, 3} or len(masks) != len(split):
        raise ZooError(
            f"{where}: {len(split)} samples need as many masks (N, H, W) or (N, L) of whole numbers, "
            f"not {masks.dtype} of shape {masks.shape}"
        )
    for index, mask in enumerate(masks):
        wrong = mask[(mask < 0) | (mask >= classes) & (mask != IGNORED)]
        if wrong.size:
            raise ZooError(
                f"{where}: mask {index} has the value {wrong[0]}, but there are {classes} classes "
                f"(and {IGNORED} for what is not counted)"
            )
    return masks.astype(np.uint8, copy=False)


def _mask_files(split: Split, masks: MaskFiles, classes: int, *, where: str) -> MaskFiles:
    if isinstance(split, ArraySplit):
        raise ZooError(f"{where}: the masks of arrays are an array, not MaskFiles")
    if len(masks) != len(split):
        raise ZooError(f"{where}: {len(split)} pictures, but {len(masks)} masks")
    for value, number in masks.numbers.items():
        if not 0 <= value <= 255 or not (0 <= number < classes or number == IGNORED):
            raise ZooError(
                f"{where}: masks cannot have the value {value} for class {number}: "
                f"values are 0 to 255, and there are {classes} classes"
            )
    return MaskFiles(paths=tuple(masks.paths), numbers=dict(masks.numbers))


def numbers_to_choose_by(split: Split) -> NDArray[np.int64]:
    """The class number of each sample, to choose samples by; a sample with a mask has none, so that all count alike."""
    if isinstance(split.targets, MaskFiles) or split.targets.ndim != 1:
        return np.zeros(len(split), np.int64)
    return split.targets


def take(split: Split, index: NDArray[np.int64]) -> Split:
    """The samples at `index`, in that order."""
    targets: Any
    if isinstance(split.targets, MaskFiles):
        targets = dataclasses.replace(split.targets, paths=tuple(split.targets.paths[i] for i in index))
    else:
        targets = split.targets[index]
    if isinstance(split, ArraySplit):
        return ArraySplit(inputs=split.inputs[index], targets=targets)
    return dataclasses.replace(split, paths=tuple(split.paths[i] for i in index), targets=targets)
