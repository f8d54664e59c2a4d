"""Which split is where, and which of the two forms it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core import UsageError, ZooError
from zoo_core.data import SPLIT_FOLDERS, FileSplit, split_folders, subfolders

from .coco import read_coco
from .yolo import class_names, read_yolo

ANNOTATIONS = "annotations.json"
_LAYOUT = (
    f"either {ANNOTATIONS} beside the pictures, or images/ and labels/ with a text file for each picture; "
    "in {root} itself, or in {root}/train, {root}/validation, {root}/test"
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split: `labels` is its annotations.json, or a folder of text files for `pictures`."""

    pictures: Path
    labels: Path

    @property
    def is_coco(self) -> bool:
        """Whether it is described by one file."""
        return self.labels.name == ANNOTATIONS


def read_split(root: Path, split: str, *, names: Sequence[str] = ()) -> FileSplit | None:
    """The pictures of a split with their boxes; None when there is no folder for it.

    The classes are those of train. Raises ZooError for folders that do not fit the layout and files that cannot be
    read, UsageError for names that do not fit.
    """
    if not root.is_dir():
        raise ZooError(f"there is no folder {root}", hint="give the folder of your pictures: -d root=DIR")
    parts = parts_of(root)
    if split not in parts:
        return None
    part, train = parts[split], parts["train"]
    if part.is_coco != train.is_coco:
        raise ZooError(
            f"{root} has {ANNOTATIONS} for one split, and text files for another one", hint="one form for all"
        )
    if part.is_coco:
        if names:
            raise UsageError(f"dataset coco-folder: {train.labels} names the classes itself", hint="leave out -d names")
        return read_coco(part.labels, like=train.labels)
    classes = class_names(root, train.pictures, train.labels, names=names)
    return read_yolo(part.pictures, part.labels, classes=classes)


def parts_of(root: Path) -> dict[str, Part]:
    """Where each split is. What lies in `root` itself is train, and there is nothing else."""
    own, named = _part_in(root), [folder for folder in subfolders(root) if folder.name in SPLIT_FOLDERS]
    if own is not None:
        if named:
            raise ZooError(
                f"{root} has boxes of its own beside the folder {named[0].name!r}",
                hint="either the one or the others",
            )
        return {"train": own}
    images, labels = root / "images", root / "labels"
    if images.is_dir() and labels.is_dir():
        inside = split_folders(images, [each for each in subfolders(images) if each.name in SPLIT_FOLDERS])
        found = {split: Part(pictures=each, labels=labels / each.name) for split, each in inside.items()}
    else:
        inside = split_folders(root, named)
        found = {split: part for split, each in inside.items() if (part := _part_in(each)) is not None}
        if empty := [each for split, each in inside.items() if split not in found]:
            raise ZooError(f"{empty[0]} has no boxes", hint=_LAYOUT.format(root=root))
    if "train" not in found:
        raise ZooError(f"{root} has no boxes to train on", hint=_LAYOUT.format(root=root))
    return found


def _part_in(folder: Path) -> Part | None:
    if (folder / ANNOTATIONS).exists():
        return Part(pictures=folder, labels=folder / ANNOTATIONS)
    images, labels = folder / "images", folder / "labels"
    if images.is_dir() and labels.is_dir() and not any(each.name in SPLIT_FOLDERS for each in subfolders(images)):
        return Part(pictures=images, labels=labels)
    return None
