"""Reading the folders: which split is where, and which picture belongs to which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo_core import Preprocess, UsageError, ZooError
from zoo_core.data import (
    SPLIT_FOLDERS,
    ArraySplit,
    FileSplit,
    PictureFiles,
    one_a_line,
    pictures_in,
    prepare_pictures,
    split_folders,
    subfolders,
    with_noise,
)

PARTS = ("inputs", "targets")
_LAYOUT = "inputs/ and targets/ with the same names, in {root} or in {root}/train, {root}/validation, {root}/test"


def read_split(root: Path, split: str) -> FileSplit | None:
    """The pairs of a split, by name; None when there is no folder for it.

    Raises ZooError for folders that do not fit the layout, and for pictures without a counterpart in any split.
    """
    _check_folder(root)
    folders = _split_folders(root)
    pairs = {
        name: (_by_stem(folder / PARTS[0], root), _by_stem(folder / PARTS[1], root)) for name, folder in folders.items()
    }
    if alone := [told for name, folder in folders.items() for told in _alone(*pairs[name], folder)]:
        raise ZooError(
            f"{root}: pictures without a counterpart ({len(alone):,}):{one_a_line(alone)}",
            hint="both have one name, such as inputs/a.jpg and targets/a.png; add what is missing, or remove what is "
            "alone",
        )
    if split not in folders:
        return None
    inputs, targets = pairs[split]
    return FileSplit(paths=tuple(inputs.values()), targets=PictureFiles(paths=tuple(targets[stem] for stem in inputs)))


def _alone(inputs: Mapping[str, Path], targets: Mapping[str, Path], folder: Path) -> list[str]:
    """What is said of every picture without a counterpart."""
    sides = ((inputs, targets, PARTS[1]), (targets, inputs, PARTS[0]))
    return [
        f"{path} has no counterpart in {folder / missing}"
        for here, there, missing in sides
        for stem, path in here.items()
        if stem not in there
    ]


def read_noisy(root: Path, split: str, *, noise: float, seed: int) -> ArraySplit | None:
    """The pictures directly in a folder with noise, and without it; None for other splits than train.

    Raises UsageError for impossible noise, ZooError for no pictures, and for those of different sizes.
    """
    _check_folder(root)
    if split != "train":
        return None
    if not 0 < noise <= 1 or not 0 <= seed < 2**64:
        raise UsageError(
            f"dataset noisy-folder: noise is a deviation above 0, up to 1, and seed 0 or more, not {noise} and {seed}",
            hint="-d noise=0.1",
        )
    paths = pictures_in(root)
    clean = prepare_pictures(paths, Preprocess(color="L"))[:, 0]
    noisy = with_noise(clean, noise=noise, seed=seed, stream=0)
    return ArraySplit(inputs=noisy, targets=clean, names=[str(path) for path in paths])


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise ZooError(f"there is no folder {root}", hint="give the folder of your pictures: -d root=DIR")


def _split_folders(root: Path) -> dict[str, Path]:
    top = {folder.name for folder in subfolders(root)}
    if top & set(PARTS):
        return {"train": root}
    found = split_folders(root, [folder for folder in subfolders(root) if folder.name in SPLIT_FOLDERS])
    if "train" not in found:
        raise ZooError(f"{root} has neither inputs and targets nor a train folder", hint=_LAYOUT.format(root=root))
    return found


def _by_stem(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ZooError(f"{folder.parent} has no folder {folder.name!r}", hint=_LAYOUT.format(root=root))
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.stem in found:
            raise ZooError(f"two pictures of one name in {folder}: {found[path.stem].name} and {path.name}")
        found[path.stem] = path
    return found
