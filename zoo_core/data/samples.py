"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors
from zoo_core.pictures import MAX_BYTES, read_picture
from zoo_core.preprocess import normalize, prepare_arrays, stack_pictures
from zoo_core.specs import Preprocess

from .splits import ArraySplit, FileSplit, Split


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: uint8 (N, C, h, w), resized once, or float32 as the loader gave them where `preprocess` is None.
    `targets`: int64 (N,), numbers of `classes`. `fingerprint`: sha256 of the raw content, targets and class names.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    fingerprint: str

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Model inputs of the samples at `index`."""
        chosen = self.inputs[index]
        return chosen if self.preprocess is None else normalize(chosen, self.preprocess)


def make_samples(split: Split, classes: tuple[str, ...], preprocess: Preprocess | None, *, where: str) -> Samples:
    """Bring every sample to its stored form. Raises ZooError for contents that the dataset's recipe does not take."""
    digest = hashlib.sha256()
    inputs = (
        _stored_arrays(split, preprocess, digest, where)
        if isinstance(split, ArraySplit)
        else _stored_files(split, preprocess, digest, where)
    )
    digest.update(split.targets.astype("<i8").tobytes())
    digest.update("\0".join(classes).encode())
    return Samples(
        inputs=inputs, targets=split.targets, classes=classes, preprocess=preprocess, fingerprint=digest.hexdigest()
    )


def _stored_arrays(split: ArraySplit, preprocess: Preprocess | None, digest: Any, where: str) -> NDArray[Any]:
    wanted = np.float32 if preprocess is None else np.uint8
    if split.inputs.dtype != wanted or (preprocess is not None and split.inputs.ndim not in {3, 4}):
        kind = "arrays without preprocessing are float32" if preprocess is None else "pictures are uint8 (N, H, W[, C])"
        raise ZooError(f"{where}: {kind}, not {split.inputs.dtype} of shape {split.inputs.shape}")
    raw = np.ascontiguousarray(split.inputs)
    digest.update(f"{raw.dtype.name} {raw.shape}".encode())
    digest.update(raw.astype(raw.dtype.newbyteorder("<"), copy=False).data)
    return raw if preprocess is None else prepare_arrays(raw, preprocess)


def _stored_files(split: FileSplit, preprocess: Preprocess | None, digest: Any, where: str) -> NDArray[np.uint8]:
    if preprocess is None:
        raise ZooError(f"{where}: picture files need a preprocessing recipe, and the dataset declares none")
    return stack_pictures(_read_files(split.paths, preprocess, digest), len(split), preprocess)


def _read_files(paths: Sequence[Path], preprocess: Preprocess, digest: Any) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for path in paths:
        with clear_io_errors("cannot read picture", path), path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        digest.update(hashlib.sha256(content).digest())
        yield str(path), read_picture(content, color=preprocess.color, name=str(path))
