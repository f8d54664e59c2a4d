"""Class folders: which split is where, which classes there are, which files they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_core.errors import ZooError
from zoo_core.pictures import SUFFIXES as PICTURE_SUFFIXES

from .folders import SPLIT_FOLDERS, files_in, one_a_line, require_folder, split_folders, subfolders, visible
from .splits import FileSplit

_LAYOUT = "one folder for each class, in {root} or in {root}/train, {root}/validation, {root}/test"


def read_class_folders(
    root: Path, split: str, *, suffixes: tuple[str, ...] = tuple(PICTURE_SUFFIXES), what: str = "pictures"
) -> FileSplit | None:
    """The files of a split in the order of their class and name; None when there is no folder for it.

    `suffixes`: how the names of files end that count; `what` messages call them. Raises ZooError for folders that do
    not fit the layout, fewer than two classes, or a class without files.
    """
    require_folder(root, what=what)
    folders = _split_folders(root)
    if split not in folders:
        return None
    classes = _classes(folders["train"], root)
    loose = [path for folder in folders.values() for path in visible(folder) if _is_one(path, suffixes)]
    if loose:
        told = one_a_line([f"{path} is in no class folder" for path in loose])
        raise ZooError(
            f"{root}: {what} outside the class folders ({len(loose):,}):{told}", hint=_LAYOUT.format(root=root)
        )
    paths: list[Path] = []
    targets: list[int] = []
    for folder in subfolders(folders[split]):
        if folder.name not in classes:
            raise ZooError(
                f"{folder}: the class {folder.name!r} is not among those in {folders['train']}",
                hint=f"the classes are {', '.join(classes)}",
            )
        files = files_in(folder, suffixes=suffixes, what=what, kind="class folder")
        paths += files
        targets += [classes.index(folder.name)] * len(files)
    if not paths:
        raise ZooError(f"{folders[split]} has no class folder", hint=_LAYOUT.format(root=root))
    return FileSplit(paths=tuple(paths), targets=np.array(targets, np.int64), classes=classes)


def _is_one(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and path.is_file()


def _split_folders(root: Path) -> dict[str, Path]:
    """Where each split is. Class folders directly in `root` are train, and there is nothing else."""
    top = subfolders(root)
    named = [folder for folder in top if folder.name in SPLIT_FOLDERS]
    # "train" may also be the name of a class, beside cars and ships: then it holds files, and no folders.
    if len(named) < len(top) and not any(subfolders(folder) for folder in named):
        return {"train": root}
    if not top:
        raise ZooError(f"{root} has no class folder", hint=_LAYOUT.format(root=root))
    if others := [folder.name for folder in top if folder not in named]:
        raise ZooError(
            f"{root} has a folder {others[0]!r} beside its split folders",
            hint="split folders are train, validation (or val) and test",
        )
    found = split_folders(root, named)
    if "train" not in found:
        raise ZooError(f"{root} has no train folder", hint=_LAYOUT.format(root=root))
    return found


def _classes(train: Path, root: Path) -> tuple[str, ...]:
    names = tuple(folder.name for folder in subfolders(train))
    if not names:
        raise ZooError(f"{train} has no class folder", hint=_LAYOUT.format(root=root))
    if len(names) == 1:
        raise ZooError(f"{train} has only one class, {names[0]!r}: nothing to tell apart", hint="two classes or more")
    for name in names:
        if not name.isprintable():
            raise ZooError(f"{train}: the class folder {name!r} has characters that cannot be printed")
    return names
