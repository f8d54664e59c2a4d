"""The installed files: texts that a line with % parts, and which part of the data each belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from zoo_core import ZooError
from zoo_core.data import ArraySplit

INSTALLED = Path("/usr/share/games/fortunes")
"""Where Debian's package puts them."""
FOLDERS = ("fortunes", "fortunes-form")
"""What the zoo calls the folders of these datasets where nobody says `-d root=DIR`."""
LEAST_WORDS = 5
"""Shorter texts are left out: of rare words alone, two of them are the same to a model that knows none."""
TENTHS = {"test": (0, 1), "validation": (2,), "train": (3, 4, 5, 6, 7, 8, 9)}


def read_fortunes(root: Path, split: str, *, categories: Sequence[str]) -> ArraySplit:
    """The texts of a split, and the number of each one's category.

    Which split a text is in is said by a hash of its letters, the same on every machine. A text that is there twice
    counts once; one that two categories have belongs to neither. Raises ZooError where the files are not installed.
    """
    folder = _folder(root, categories)
    found: dict[str, tuple[str, set[int]]] = {}
    for number, category in enumerate(categories):
        for text in texts_of(folder / category):
            found.setdefault(_letters(text), (text, set()))[1].add(number)
    return _split(found, split)


def texts_of(path: Path) -> list[str]:
    """The texts of a file that have at least `LEAST_WORDS` words. Raises ZooError for a file that is not UTF-8."""
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is not in UTF-8: {error.reason}", hint="-d root=DIR with the files of Debian") from None
    parts = re.split(r"^%[ \t]*$", content, flags=re.MULTILINE)
    return [text.strip() for text in parts if len(re.findall(r"\w+", text)) >= LEAST_WORDS]


def _split(found: Mapping[str, tuple[str, set[int]]], split: str) -> ArraySplit:
    chosen = [(text, min(of)) for key, (text, of) in found.items() if len(of) == 1 and _tenth(key) in TENTHS[split]]
    targets = np.array([number for _, number in chosen], np.int64)
    return ArraySplit(inputs={"text": [text for text, _ in chosen]}, targets=targets)


def _letters(text: str) -> str:
    """The letters and digits of a text: how lines are broken makes no other text of it."""
    return "".join(each for each in text.lower() if each.isalnum())


def _tenth(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 10


def _folder(root: Path, categories: Sequence[str]) -> Path:
    """The folder that holds the files: `root` where there is one, else the installed one."""
    if not root.exists() and root.name not in FOLDERS:
        raise ZooError(f"dataset fortunes: there is no folder {root}", hint="-d root=DIR with the files of Debian")
    folder = root if root.exists() else INSTALLED
    if missing := [name for name in categories if not folder.joinpath(name).is_file()]:
        raise ZooError(
            f"dataset fortunes: {folder} has no file {missing[0]!r}",
            hint="apt-get install fortunes, or -d root=DIR with the files of that package",
        )
    return folder
