"""The binary form of CIFAR-10: records of one label and 3,072 pixels, plane by plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo_core import ZooError
from zoo_core.data import ArraySplit, RemoteFiles, read_members, read_plain

_MOST_BYTES = 1 << 30
"""A batch has 31 MB."""

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
PICKLED = ("cifar-10-batches-py", "cifar-10-python.tar.gz")
NAMES = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
RECORD = 1 + 3 * 32 * 32
_MOST_BYTES = 2**30


def read_split(root: Path, *, split: str, download: bool, source: RemoteFiles) -> ArraySplit | None:
    """The pictures of "train" or "test"; None for the test split of a folder that holds the training files alone.

    Raises ZooError for files that are missing, truncated or too short.
    """
    contents = _contents(root, split, download, source)
    if contents is None:
        return None
    batches = [_records(content, name) for name, content in contents]
    if len({len(batch) for batch in batches}) > 1:
        counts = ", ".join(str(len(batch)) for batch in batches)
        raise ZooError(
            f"the batches of CIFAR-10 in {root} differ in size: {counts} pictures", hint="fetch the files again"
        )
    records = np.concatenate(batches)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return ArraySplit(inputs=np.ascontiguousarray(pixels), targets=records[:, 0])


def _contents(root: Path, split: str, download: bool, source: RemoteFiles) -> list[tuple[str, bytes]] | None:
    names = NAMES[split]
    folders = (root / FOLDER, root)
    for folder in folders:
        if not _missing(folder, names):
            return [(str(folder / name), _read(folder / name)) for name in names]
    if not download and not (root / ARCHIVE).exists():
        if split == "test" and not all(_missing(folder, NAMES["train"]) for folder in folders):
            return None
        _refuse_other_forms(root, names, folders, source)
    archive = source.find(ARCHIVE, root=root, download=download)
    found = read_members(archive, [f"{FOLDER}/{name}" for name in names], most_bytes=_MOST_BYTES)
    for name in names:
        if f"{FOLDER}/{name}" not in found:
            raise ZooError(f"{archive} has no {FOLDER}/{name}", hint="fetch the file again")
    return [(f"{archive}, {name}", found[f"{FOLDER}/{name}"]) for name in names]


def _missing(folder: Path, names: Sequence[str]) -> list[str]:
    return [name for name in names if not (folder / name).exists()]


def _refuse_other_forms(root: Path, names: Sequence[str], folders: Sequence[Path], source: RemoteFiles) -> None:
    """Raise ZooError that says what is wrong with what is there, where something of CIFAR-10 is."""
    fetch = f"add --download to fetch {ARCHIVE} ({source.size / 1e6:.1f} MB)"
    every = [name for names in NAMES.values() for name in names]
    for folder in folders:
        if len(_missing(folder, every)) < len(every):
            raise ZooError(
                f"CIFAR-10 is incomplete in {folder}: {', '.join(_missing(folder, names))} missing",
                hint=f"put {'it' if len(_missing(folder, names)) == 1 else 'them'} there, or {fetch}",
            )
    for name in PICKLED:
        if (root / name).exists():
            raise ZooError(
                f"{root / name} is not read: this form of CIFAR-10 holds pickles, which can run code",
                hint=f"{fetch}, the binary form",
            )


def _read(path: Path) -> bytes:
    return read_plain(path, most=_MOST_BYTES)


def _records(content: bytes, name: str) -> np.ndarray:
    if not content or len(content) % RECORD:
        raise ZooError(
            f"{name} is truncated or not a batch of CIFAR-10: {len(content):,} bytes, not whole records of {RECORD:,}",
            hint="fetch the file again",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise ZooError(
            f"{name} is not a batch of CIFAR-10: it has the label {records[:, 0].max()}, over 9",
            hint="fetch the file again",
        )
    return records
