"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.pictures import content_of, read_mask, read_picture
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
from .unreadable import ReadOneByOne

_Pair = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]
_Named = TypeVar("_Named", tuple[str, NDArray[np.uint8]], _Pair)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: uint8 (N, C, h, w), resized once, or float32 as the loader gave them where `preprocess` is None.
    `targets`: int64 (N,), numbers of `classes`; or masks, uint8 (N, h, w) or (N, L), the class number of each place
    after the same resizing, or IGNORED. `fingerprint`: sha256 of the raw content, targets and class names. `files`:
    where each sample comes from, None where it comes from no file. `skipped`: picture files that could not be read, and
    were left out.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    fingerprint: str
    files: tuple[str, ...] | None = None
    skipped: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def first(self, count: int) -> Samples:
        """So many samples, or all where there are fewer."""
        files = self.files and self.files[:count]
        return dataclasses.replace(self, inputs=self.inputs[:count], targets=self.targets[:count], files=files)

    def batch(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Model inputs of the samples at `index`."""
        chosen = self.inputs[index]
        return chosen if self.preprocess is None else normalize(chosen, self.preprocess)


class _Stored(NamedTuple):
    """Samples in their stored form, the file of each, and files that were left out."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    files: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()


def make_samples(
    split: Split,
    classes: tuple[str, ...],
    preprocess: Preprocess | None,
    *,
    where: str,
    tiles: int | None = None,
    skip_bad: bool = False,
) -> Samples:
    """Bring every sample to its stored form; pictures with masks are cut into `tiles` where a side is given.

    Files that cannot be read are left out with `skip_bad`, else UnreadableFilesError has all of them. Raises ZooError
    for contents that the dataset's recipe does not take, UsageError for `skip_bad` where no files are read one by one.
    """
    digest = hashlib.sha256()
    if isinstance(split, FileSplit):
        stored = _from_files(split, preprocess, tiles, digest, where, skip_bad=skip_bad)
    elif skip_bad:
        raise UsageError(
            f"{where}: skip_bad is for datasets whose samples are files of their own", hint="leave out -d skip_bad"
        )
    else:
        stored = _Stored(*_from_arrays(split, preprocess, tiles, digest, where))
    digest.update("\0".join(classes).encode())
    return Samples(
        inputs=stored.inputs,
        targets=stored.targets,
        classes=classes,
        preprocess=preprocess,
        fingerprint=digest.hexdigest(),
        files=stored.files or None,
        skipped=stored.skipped,
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
    split: FileSplit, preprocess: Preprocess | None, tiles: int | None, digest: Any, where: str, *, skip_bad: bool
) -> _Stored:
    if preprocess is None:
        raise ZooError(f"{where}: picture files need a preprocessing recipe, and the dataset declares none")
    names: list[str] = []
    if isinstance(split.targets, MaskFiles):
        masked = ReadOneByOne(split.paths, _mask_reader(split, split.targets, preprocess, digest))
        pairs = masked if tiles is None else _cut(masked, tiles)
        inputs, targets = stack_pairs(_noted(pairs, names), len(split), preprocess)
        masked.check(skip=skip_bad, where=where)
        digest.update(repr(sorted(split.targets.numbers.items())).encode())
        return _Stored(inputs, targets, tuple(names), tuple(each.path for each in masked.bad))
    plain = ReadOneByOne(split.paths, _picture_reader(split, preprocess, digest))
    inputs = stack_pictures(_noted(plain, names), len(split), preprocess)
    plain.check(skip=skip_bad, where=where)
    kept = np.delete(split.targets, [each.index for each in plain.bad])
    digest.update(kept.astype("<i8").tobytes())
    return _Stored(inputs, kept, tuple(names), tuple(each.path for each in plain.bad))


def _picture_reader(
    split: FileSplit, preprocess: Preprocess, digest: Any
) -> Callable[[int], tuple[str, NDArray[np.uint8]]]:
    def read(index: int) -> tuple[str, NDArray[np.uint8]]:
        path = split.paths[index]
        content = content_of(path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        digest.update(hashlib.sha256(content).digest())
        return str(path), pixels

    return read


def _mask_reader(split: FileSplit, masks: MaskFiles, preprocess: Preprocess, digest: Any) -> Callable[[int], _Pair]:
    table = np.zeros(256, np.uint8)
    table[list(masks.numbers)] = list(masks.numbers.values())
    known = np.zeros(256, np.bool_)
    known[list(masks.numbers)] = True

    def read(index: int) -> _Pair:
        path, mask_path = split.paths[index], masks.paths[index]
        content, mask_content = content_of(path), content_of(mask_path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        values = read_mask(mask_content, name=str(mask_path))
        if not known[values].all():
            listed = ", ".join(map(str, sorted(masks.numbers)))
            raise ZooError(
                f"mask {mask_path} has the value {values[~known[values]][0]}, which stands for no class",
                hint=f"the values of these masks are {listed}; JPEG changes them, PNG does not",
            )
        mask = table[values]
        check_same_size(pixels, mask, name=str(path), mask_name=str(mask_path))
        for part in (content, mask_content):
            digest.update(hashlib.sha256(part).digest())
        return str(path), pixels, mask

    return read


def _noted(named: Iterable[_Named], names: list[str]) -> Iterator[_Named]:
    """The samples themselves; `names` gets the name of each."""
    for sample in named:
        names.append(sample[0])
        yield sample


def _cut(pairs: Iterable[_Pair], side: int) -> Iterator[_Pair]:
    for name, pixels, mask in pairs:
        both = zip(cut_tiles(pixels, side, name=name), cut_tiles(mask, side, name=name), strict=True)
        for number, (piece, mask_piece) in enumerate(both):
            yield f"{name}, tile {number}", piece, mask_piece
