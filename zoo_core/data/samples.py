"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors
from zoo_core.pictures import MAX_BYTES, read_mask, read_picture
from zoo_core.preprocess import (
    check_same_size,
    convert_color,
    cut_tiles,
    normalize,
    prepare_arrays,
    prepare_masks,
    stack_pairs,
    stack_pictures,
)
from zoo_core.specs import Preprocess

from .splits import ArraySplit, FileSplit, MaskFiles, Split

_Pair = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: uint8 (N, C, h, w), resized once, or float32 as the loader gave them where `preprocess` is None.
    `targets`: int64 (N,), numbers of `classes`; or masks, uint8 (N, h, w) or (N, L), the class number of each place
    after the same resizing, or IGNORED. `fingerprint`: sha256 of the raw content, targets and class names. `files`:
    where each sample comes from, None where it comes from no file.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    fingerprint: str
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Model inputs of the samples at `index`."""
        chosen = self.inputs[index]
        return chosen if self.preprocess is None else normalize(chosen, self.preprocess)


def make_samples(
    split: Split, classes: tuple[str, ...], preprocess: Preprocess | None, *, where: str, tiles: int | None = None
) -> Samples:
    """Bring every sample to its stored form; pictures with masks are cut into `tiles` where a side is given.

    Raises ZooError for contents that the dataset's recipe does not take.
    """
    digest = hashlib.sha256()
    files: list[str] = []
    inputs, targets = (
        _from_arrays(split, preprocess, tiles, digest, where)
        if isinstance(split, ArraySplit)
        else _from_files(split, preprocess, tiles, digest, where, files)
    )
    digest.update("\0".join(classes).encode())
    return Samples(
        inputs=inputs,
        targets=targets,
        classes=classes,
        preprocess=preprocess,
        fingerprint=digest.hexdigest(),
        files=tuple(files) or None,
    )


def _from_arrays(
    split: ArraySplit, preprocess: Preprocess | None, tiles: int | None, digest: Any, where: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    wanted = np.float32 if preprocess is None else np.uint8
    if split.inputs.dtype != wanted or (preprocess is not None and split.inputs.ndim not in {3, 4}):
        kind = "arrays without preprocessing are float32" if preprocess is None else "pictures are uint8 (N, H, W[, C])"
        raise ZooError(f"{where}: {kind}, not {split.inputs.dtype} of shape {split.inputs.shape}")
    raw, targets = np.ascontiguousarray(split.inputs), split.targets
    _hash_array(raw, digest)
    if targets.ndim == 1:
        digest.update(targets.astype("<i8").tobytes())
        return (raw if preprocess is None else prepare_arrays(raw, preprocess)), targets
    size = raw.shape[2:] if preprocess is None else raw.shape[1:3]
    if targets.shape[1:] != size:
        raise ZooError(f"{where}: masks of {_size(targets.shape[1:])} for samples of {_size(size)}")
    _hash_array(np.ascontiguousarray(targets), digest)
    if preprocess is None:
        return raw, targets
    if tiles is None:
        return prepare_arrays(raw, preprocess), prepare_masks(targets, preprocess)
    pixels = convert_color(raw[..., np.newaxis] if raw.ndim == 3 else raw, preprocess.color)
    pairs = ((f"picture {index}", *pair) for index, pair in enumerate(zip(pixels, targets, strict=True)))
    return stack_pairs(_cut(pairs, tiles), len(raw), preprocess)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "no size"


def _hash_array(array: NDArray[Any], digest: Any) -> None:
    digest.update(f"{array.dtype.name} {array.shape}".encode())
    digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)


def _from_files(
    split: FileSplit, preprocess: Preprocess | None, tiles: int | None, digest: Any, where: str, files: list[str]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Inputs and targets; `files` gets the name of each sample."""
    if preprocess is None:
        raise ZooError(f"{where}: picture files need a preprocessing recipe, and the dataset declares none")
    pictures = _read_pictures(split, preprocess, digest)
    if isinstance(split.targets, MaskFiles):
        pairs = _with_masks(pictures, split.targets, digest)
        stored = stack_pairs(_noted(pairs if tiles is None else _cut(pairs, tiles), files), len(split), preprocess)
        digest.update(repr(sorted(split.targets.numbers.items())).encode())
        return stored
    inputs = stack_pictures(pictures, len(split), preprocess)
    files += map(str, split.paths)
    digest.update(split.targets.astype("<i8").tobytes())
    return inputs, split.targets


def _read_pictures(split: FileSplit, preprocess: Preprocess, digest: Any) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for path in split.paths:
        content = _content(path, digest)
        yield str(path), read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)


def _with_masks(pictures: Iterable[tuple[str, NDArray[np.uint8]]], masks: MaskFiles, digest: Any) -> Iterator[_Pair]:
    table = np.zeros(256, np.uint8)
    table[list(masks.numbers)] = list(masks.numbers.values())
    known = np.zeros(256, np.bool_)
    known[list(masks.numbers)] = True
    for (name, pixels), path in zip(pictures, masks.paths, strict=True):
        values = read_mask(_content(path, digest), name=str(path))
        if not known[values].all():
            listed = ", ".join(map(str, sorted(masks.numbers)))
            raise ZooError(
                f"mask {path} has the value {values[~known[values]][0]}, which stands for no class",
                hint=f"the values of these masks are {listed}; JPEG changes them, PNG does not",
            )
        mask = table[values]
        check_same_size(pixels, mask, name=name, mask_name=str(path))
        yield name, pixels, mask


def _noted(pairs: Iterable[_Pair], names: list[str]) -> Iterator[_Pair]:
    for pair in pairs:
        names.append(pair[0])
        yield pair


def _cut(pairs: Iterable[_Pair], side: int) -> Iterator[_Pair]:
    for name, pixels, mask in pairs:
        both = zip(cut_tiles(pixels, side, name=name), cut_tiles(mask, side, name=name), strict=True)
        for number, (piece, mask_piece) in enumerate(both):
            yield f"{name}, tile {number}", piece, mask_piece


def _content(path: Path, digest: Any) -> bytes:
    with clear_io_errors("cannot read picture", path), path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    digest.update(hashlib.sha256(content).digest())
    return content
