"""Folders of files: what is looked at, what is left out, and what would be missed without a word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors
from zoo_core.foreign_text import shell_word
from zoo_core.pictures import SUFFIXES

SPLIT_FOLDERS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
"""Names of split folders, and the split that each holds."""

# Left out, these files would be missed without a word, beside those that are read.
_UNREAD = {
    ".png": {".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".svg", ".ppm", ".pgm", ".psd"},
    ".wav": {".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".au", ".wma"},
}

_MOST_TOLD = 10
_UNPACKED = {
    ".zip": "unzip {file} -d {folder}",
    **dict.fromkeys((".tar.gz", ".tgz", ".tar"), "mkdir {folder} && tar xf {file} -C {folder}"),
}
"""What unpacks a file of that suffix."""


def one_a_line(lines: Sequence[str]) -> str:
    """The first ten, each on a line of its own, and how many more there are: the end of a message that is a list."""
    more = [f"and {len(lines) - _MOST_TOLD:,} more"] if len(lines) > _MOST_TOLD else []
    return "".join(f"\n  {line}" for line in (*lines[:_MOST_TOLD], *more))


def require_folder(root: Path, *, what: str = "pictures") -> None:
    """Raises ZooError unless `root` is the folder of somebody's files; of an archive it says how it is unpacked.

    `what` messages call the files.
    """
    if root.is_dir():
        return
    if not root.is_file():
        raise ZooError(f"there is no folder {root}", hint=f"give the folder of your {what}: -d root=DIR")
    hint = f"give the folder that has your {what}: -d root=DIR"
    for suffix, command in _UNPACKED.items():
        if root.name.lower().endswith(suffix):
            folder = shell_word(str(root)[: -len(suffix)])
            unpacking = command.format(file=shell_word(str(root)), folder=folder)
            hint = f"unpack it first: {unpacking}; then -d root={folder}"
    raise ZooError(f"{root} is a file, and not the folder of your {what}", hint=hint)


def visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, without hidden files."""
    with clear_io_errors("cannot read the folder", folder):
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return [path for path in visible(folder) if path.is_dir()]


def pictures_in(folder: Path, *, kind: str = "folder") -> list[Path]:
    """The pictures in a folder, by name; other files are left out.

    Pictures of formats that are not read (HEIC, GIF, ...) are among them, so that reading tells of every one. Raises
    ZooError for a folder inside it, and for no picture at all. `kind` is what messages call the folder.
    """
    return files_in(folder, suffixes=tuple(SUFFIXES), what="pictures", kind=kind)


def files_in(folder: Path, *, suffixes: tuple[str, ...], what: str, kind: str = "folder") -> list[Path]:
    """The files in a folder whose names end so, by name; `what` messages call them. As `pictures_in`."""
    unread = next((others for read, others in _UNREAD.items() if read in suffixes), set())
    found = []
    for path in visible(folder):
        suffix = path.suffix.lower()
        if path.is_dir():
            raise ZooError(f"{path} is a folder inside a {kind}", hint=f"put its {what} into the {kind}")
        if suffix in suffixes or suffix in unread:
            found.append(path)
    if not found:
        kinds = ", ".join(suffix[1:].upper() for suffix in suffixes)
        raise ZooError(f"{folder} has no {what}", hint=f"put {what} there ({kinds}), or remove it")
    return found


def split_folders(root: Path, named: list[Path]) -> dict[str, Path]:
    """The folder of each split, by the names of these folders of `root`. Raises ZooError when two hold the same one."""
    found: dict[str, Path] = {}
    for folder in named:
        split = SPLIT_FOLDERS[folder.name]
        if split in found:
            raise ZooError(f"{root} has two folders for one split: {found[split].name} and {folder.name}")
        found[split] = folder
    return found
