"""The folders of the Pet dataset: lists of names, pictures, trimaps; unpacked from its two archives when needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_core import ZooError
from zoo_core.data import FileSplit, MaskFiles, RemoteFiles, read_plain, unpack

from .published import BREEDS, FILES, MIRRORS

_MOST_BYTES = 1 << 24
"""The list has 0.1 MB."""

LISTS = {"train": "trainval.txt", "test": "test.txt"}
TRIMAP = {1: 1, 2: 0, 3: 1}


def read_split(root: Path, *, split: str, download: bool, masks: bool) -> FileSplit:
    """The pictures that a list names, in its order, with masks or with breeds.

    Raises ZooError for files that are missing and for lines that are not as published.
    """
    source = RemoteFiles(dataset="oxford-pet", files=FILES, mirrors=MIRRORS)
    folders = {}
    for name in ("annotations", "images"):
        folders[name] = root / name
        if not folders[name].is_dir():
            folders[name] = unpack(source.find(f"{name}.tar.gz", root=root, download=download), top=name)
    listed = folders["annotations"] / LISTS[split]
    if not listed.exists():
        _refuse([listed], listed.parent)
    rows = _rows(listed)
    paths = tuple(folders["images"] / f"{name}.jpg" for name, _ in rows)
    _refuse([path for path in paths if not path.exists()], folders["images"])
    if not masks:
        return FileSplit(paths=paths, targets=np.array([breed for _, breed in rows], np.int64), misnamed=True)
    trimaps = tuple(folders["annotations"] / "trimaps" / f"{name}.png" for name, _ in rows)
    _refuse([path for path in trimaps if not path.exists()], folders["annotations"])
    # Some pictures are PNG or GIF files in truth, though all are called .jpg.
    return FileSplit(paths=paths, targets=MaskFiles(paths=trimaps, numbers=TRIMAP), misnamed=True)


def _refuse(missing: list[Path], folder: Path) -> None:
    """Raise ZooError that names the first of the missing files, and what brings all of them."""
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise ZooError(
            f"the Pet dataset in {folder.parent} is incomplete: {missing[0].relative_to(folder.parent)}{more} missing",
            hint=f"unpack {folder.name}.tar.gz again; or move {folder} away and add --download",
        )


def _rows(path: Path) -> list[tuple[str, int]]:
    """Name and breed, counted from 0, of each line "Abyssinian_100 1 1 1"."""
    lines = read_plain(path, most=_MOST_BYTES).decode("utf-8", "replace").splitlines()
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(" ")
        breed = name.rpartition("_")[0].lower().replace("_", "-")
        first = rest.partition(" ")[0]
        if breed not in BREEDS or first != str(BREEDS.index(breed) + 1) or "/" in name:
            raise ZooError(
                f"{path}, line {number}, is not a picture of a known breed with its number: {line[:80]!r}",
                hint="fetch annotations.tar.gz again",
            )
        rows.append((name, BREEDS.index(breed)))
    return rows
