"""One file for each split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo_core.errors import ZooError


def split_file(root: Path, split: str, *, suffixes: Sequence[str]) -> Path | None:
    """The file of a split: `root` itself is train where it is a file, else the one of that name in the folder.

    None where there is none. Raises ZooError where there is no training part, or two files for one split.
    """
    if not root.exists():
        raise ZooError(f"there is no file or folder {root}", hint="-d root=PATH")
    if not root.is_dir():
        return root if split == "train" else None
    found = [path for suffix in suffixes if (path := root / f"{split}{suffix}").exists()]
    if len(found) > 1:
        raise ZooError(f"{root} has two files for one split: {' and '.join(path.name for path in found)}")
    if not found and split == "train":
        raise ZooError(f"{root} has no train{' or train'.join(suffixes)}", hint="a file for each split")
    return found[0] if found else None
