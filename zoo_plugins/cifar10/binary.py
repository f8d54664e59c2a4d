"""The binary form of CIFAR-10: records of one label and 3,072 pixels, plane by plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_core import ZooError
from zoo_core.data import ArraySplit, RemoteFiles, read_members
from zoo_core.files import clear_io_errors

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
NAMES = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
RECORD = 1 + 3 * 32 * 32
_MOST_BYTES = 2**30


def read_split(root: Path, *, split: str, download: bool, source: RemoteFiles) -> ArraySplit:
    """The pictures of "train" or "test". Raises ZooError for files that are missing, truncated or too short."""
    batches = [_records(content, name) for name, content in _contents(root, split, download, source)]
    if len({len(batch) for batch in batches}) > 1:
        counts = ", ".join(str(len(batch)) for batch in batches)
        raise ZooError(
            f"the batches of CIFAR-10 in {root} are not of one size: {counts} pictures", hint="fetch the files again"
        )
    records = np.concatenate(batches)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return ArraySplit(inputs=np.ascontiguousarray(pixels), targets=records[:, 0])


def _contents(root: Path, split: str, download: bool, source: RemoteFiles) -> list[tuple[str, bytes]]:
    names = NAMES[split]
    for folder in (root / FOLDER, root):
        if any((folder / name).exists() for name in names):
            return [(str(folder / name), _read(folder / name)) for name in names]
    archive = source.find(ARCHIVE, root=root, download=download)
    found = read_members(archive, [f"{FOLDER}/{name}" for name in names], most_bytes=_MOST_BYTES)
    for name in names:
        if f"{FOLDER}/{name}" not in found:
            raise ZooError(f"{archive} has no {FOLDER}/{name}", hint="fetch the file again")
    return [(f"{archive}, {name}", found[f"{FOLDER}/{name}"]) for name in names]


def _read(path: Path) -> bytes:
    with clear_io_errors("cannot read", path):
        return path.read_bytes()


def _records(content: bytes, name: str) -> np.ndarray:
    if not content or len(content) % RECORD:
        raise ZooError(
            f"{name} is truncated or no batch of CIFAR-10: {len(content):,} bytes are not whole records of {RECORD:,}",
            hint="fetch the file again",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise ZooError(f"{name} is no batch of CIFAR-10: it has the label {records[:, 0].max()}, over 9")
    return records
