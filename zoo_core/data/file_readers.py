"""Reading the files of a split one by one: a picture alone, or with its truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.pictures import content_of, read_mask, read_picture
from zoo_core.preprocess import cut_tiles
from zoo_core.specs import Preprocess

from .splits import FileSplit
from .target_files import MaskFiles, PictureFiles, TargetFiles

Pair = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]
"""A name, the pixels of a picture (H, W, C), and its truth: a mask (H, W) or a picture (H, W, C)."""


def picture_reader(
    split: FileSplit, preprocess: Preprocess, digest: Any, sizes: list[tuple[int, int]]
) -> Callable[[int], tuple[str, NDArray[np.uint8]]]:
    """What reads a picture by its place in the split: its name, and its pixels (H, W, C). The digest gets its bytes,
    `sizes` its (H, W)."""

    def read(index: int) -> tuple[str, NDArray[np.uint8]]:
        path = split.paths[index]
        content = content_of(path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        digest.update(hashlib.sha256(content).digest())
        sizes.append((pixels.shape[0], pixels.shape[1]))
        return str(path), pixels

    return read


def pair_reader(
    split: FileSplit, truth: TargetFiles, preprocess: Preprocess, digest: Any, sizes: list[tuple[int, int]]
) -> Callable[[int], Pair]:
    """What reads a picture with its truth, a mask (H, W) or a picture (H, W, C). `digest` and `sizes` as in
    `picture_reader`."""
    if isinstance(truth, PictureFiles):
        reader = _truth_reader(split, truth, preprocess, digest)
    else:
        reader = _mask_reader(split, truth, preprocess, digest)

    def read(index: int) -> Pair:
        pair = reader(index)
        sizes.append((pair[1].shape[0], pair[1].shape[1]))
        return pair

    return read


def _truth_reader(split: FileSplit, truth: PictureFiles, preprocess: Preprocess, digest: Any) -> Callable[[int], Pair]:
    color: Literal["L", "RGB"] = truth.color or ("L" if preprocess.color == "L" else "RGB")

    def read(index: int) -> Pair:
        path, true_path = split.paths[index], truth.paths[index]
        content, true_content = content_of(path), content_of(true_path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        true_pixels = read_picture(true_content, color=color, name=str(true_path), misnamed=split.misnamed)
        times_larger(true_pixels.shape, pixels.shape, name=f"picture {true_path}", than_name=str(path))
        for part in (content, true_content):
            digest.update(hashlib.sha256(part).digest())
        return str(path), pixels, true_pixels

    return read


def _mask_reader(split: FileSplit, masks: MaskFiles, preprocess: Preprocess, digest: Any) -> Callable[[int], Pair]:
    table = np.zeros(256, np.uint8)
    table[list(masks.numbers)] = list(masks.numbers.values())
    known = np.zeros(256, np.bool_)
    known[list(masks.numbers)] = True

    def read(index: int) -> Pair:
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


def times_larger(shape: Sequence[int], than: Sequence[int], *, name: str, than_name: str) -> int:
    """How many times as large a true picture (H, W, ...) is as its input (H, W, ...).

    Raises ZooError unless that is a whole number, the same for both sides.
    """
    factor = max(1, shape[0] // than[0])
    if tuple(shape[:2]) != (than[0] * factor, than[1] * factor):
        raise ZooError(
            f"{name} has {shape[0]} x {shape[1]} pixels, its input {than_name} {than[0]} x {than[1]}",
            hint="what an output shall look like is as large as its input, or a whole number of times as large",
        )
    return factor


def check_same_size(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], *, name: str = "the picture", mask_name: str = "the mask"
) -> None:
    """Raise ZooError unless a mask (H, W) is as large as its picture (H, W, C)."""
    if mask.shape != pixels.shape[:2]:
        raise ZooError(
            f"mask {mask_name} has {mask.shape[0]} x {mask.shape[1]} pixels, "
            f"its picture {name} {pixels.shape[0]} x {pixels.shape[1]}",
            hint="a mask is as large as its picture",
        )


def cut(pairs: Iterable[Pair], side: int) -> Iterator[Pair]:
    """Every picture in tiles of that side, its truth in tiles of as many times that as it is larger."""
    for name, pixels, truth in pairs:
        factor = truth.shape[0] // pixels.shape[0]
        both = zip(cut_tiles(pixels, side, name=name), cut_tiles(truth, side * factor, name=name), strict=True)
        for number, (piece, truth_piece) in enumerate(both):
            yield f"{name}, tile {number}", piece, truth_piece
