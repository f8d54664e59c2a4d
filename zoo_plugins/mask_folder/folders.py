"""Reading the folders: which split is where, which mask belongs to which picture, what the values in masks mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED, UsageError, ZooError
from zoo_core.data import (
    SPLIT_FOLDERS,
    FileSplit,
    MaskFiles,
    one_a_line,
    pictures_in,
    read_mask,
    require_folder,
    split_folders,
    subfolders,
)

MOST_CLASSES = 32
_LAYOUT = "images/ and masks/ with the same names, in {root} or in {root}/train, {root}/validation, {root}/test"


def read_split(root: Path, split: str, *, names: Sequence[str] = ()) -> FileSplit | None:
    """The pictures of a split, by name, with their masks; None when there is no folder for it.

    The masks of train decide what the values mean. Raises ZooError for folders that do not fit the layout, a picture
    without a mask or the reverse, and values that cannot be class numbers; UsageError for too many or too few names.
    """
    require_folder(root)
    folders = _split_folders(root)
    if split not in folders:
        return None
    _check_pairs(folders.values(), root)
    train = _pairs(folders["train"])
    numbers, classes = class_numbers([mask for _, mask in train], where=folders["train"], names=names)
    pairs = train if split == "train" else _pairs(folders[split])
    paths, masks = zip(*pairs, strict=True)
    return FileSplit(paths=paths, targets=MaskFiles(paths=masks, numbers=numbers), classes=classes)


def class_numbers(
    masks: Sequence[Path], *, where: Path, names: Sequence[str] = ()
) -> tuple[dict[int, int], tuple[str, ...]]:
    """The class number of each value in the masks, and the names of the classes.

    {0, 255} and {0, 1} are background and foreground; otherwise values are class numbers from 0 on without a gap, and
    255 is what is not counted.
    """
    seen = np.zeros((len(masks), 256), np.bool_)
    for number, path in enumerate(masks):
        with contextlib.suppress(ZooError):  # the core reads every file once more, and tells of all that it cannot read
            seen[number, read_mask(path)] = True
    if not seen.any():
        read_mask(masks[0])
    values = [int(value) for value in np.flatnonzero(seen.any(axis=0))]
    if len(values) == 1:
        raise ZooError(
            f"the masks of {where} hold nothing but {values[0]}: there is one class, and nothing to tell apart",
            hint="give masks 0 for the background, and 1 or 255 for what is to be found",
        )
    if values == [0, IGNORED]:
        numbers, count = {0: 0, IGNORED: 1}, 2
    else:
        count = len(values) - (IGNORED in values)
        if count < 2 or count > MOST_CLASSES or values[:count] != list(range(count)):
            listed = ", ".join(map(str, values[:20])) + (", ..." if len(values) > 20 else "")
            raise ZooError(
                f"the values in the masks of {where} are not class numbers: {listed}{_rarest(seen, masks)}",
                hint=f"0 and 1, or 0 and 255; or 0, 1, 2, ... without a gap, up to {MOST_CLASSES} classes, "
                f"and {IGNORED} for what is not counted. JPEG changes values, PNG does not",
            )
        numbers = {number: number for number in range(count)} | {IGNORED: IGNORED}
    return numbers, _class_names(names, count, where)


def _rarest(seen: NDArray[np.bool_], masks: Sequence[Path]) -> str:
    """Which masks have the value that the fewest of them have: often one damaged mask among good ones.

    `seen`: (masks, 256), which values each mask has. Empty where every value is in every mask.
    """
    counts = seen.sum(axis=0)
    value = int(np.argmin(np.where(counts > 0, counts, len(masks) + 1)))
    if counts[value] == len(masks):
        return ""
    first = masks[int(np.argmax(seen[:, value]))]
    return f"; {value} is only in {counts[value]} of {len(masks)}, the first is {first}"


def _class_names(names: Sequence[str], count: int, where: Path) -> tuple[str, ...]:
    if names and len(names) != count:
        raise UsageError(
            f"dataset mask-folder: names={','.join(names)} names {len(names)} classes, "
            f"but the masks of {where} have {count}",
            hint="one name for each class, in the order of the values",
        )
    if names:
        return tuple(names)
    return ("background", "foreground") if count == 2 else tuple(map(str, range(count)))


def _split_folders(root: Path) -> dict[str, Path]:
    """Where each split is. `images` directly in `root` is train, and there is nothing else."""
    top = subfolders(root)
    named = [folder for folder in top if folder.name in SPLIT_FOLDERS]
    if any(folder.name in {"images", "masks"} for folder in top):
        if named:
            raise ZooError(
                f"{root} has images and masks of its own beside the folder {named[0].name!r}",
                hint="either images and masks, or split folders",
            )
        return {"train": root}
    found = split_folders(root, named)
    if "train" not in found:
        raise ZooError(f"{root} has neither images and masks nor a train folder", hint=_LAYOUT.format(root=root))
    return found


def _check_pairs(folders: Iterable[Path], root: Path) -> None:
    """Raises ZooError that tells of every picture without a mask, and of every mask without a picture."""
    alone = []
    for folder in folders:
        for name in ("images", "masks"):
            if not (folder / name).is_dir():
                raise ZooError(f"{folder} has no folder {name!r}", hint=_LAYOUT.format(root=root))
        pictures, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
        alone += [f"{path} has no mask in {folder / 'masks'}" for stem, path in pictures.items() if stem not in masks]
        alone += [
            f"{path} has no picture in {folder / 'images'}" for stem, path in masks.items() if stem not in pictures
        ]
    if alone:
        raise ZooError(
            f"{root}: pictures and masks without a partner ({len(alone):,}):{one_a_line(alone)}",
            hint="a picture and its mask have one name, such as images/a.jpg and masks/a.png; "
            "add what is missing, or remove what is alone",
        )


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    pictures, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
    return [(path, masks[stem]) for stem, path in pictures.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in found:
            raise ZooError(f"{folder} has two pictures of one name: {found[path.stem].name} and {path.name}")
        found[path.stem] = path
    return found
