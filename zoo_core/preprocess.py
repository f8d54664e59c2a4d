"""THE implementation of preprocessing, numpy and Pillow: used by training, evaluation, verification and prediction.

Two halves: pictures are brought to their size once and kept as uint8; scale, mean, std and layout come batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .errors import ZooError
from .picture_geometry import crop_box, enlarged, resized_size
from .pictures import pixels_in, read_image
from .specs import Preprocess


def resize_picture(pixels: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """(H, W, C) to (h, w, C), uint8: resized by Pillow (antialiased), then cropped at the centre.

    Raises ZooError when the picture is smaller than the crop.
    """
    return resize_truth(pixels, preprocess, factor=1)


def resize_truth(pixels: NDArray[np.uint8], preprocess: Preprocess, *, factor: int) -> NDArray[np.uint8]:
    """(H, W, C) to (h, w, C), uint8, with the geometry of an input picture that is `factor` times smaller.

    Raises as `resize_picture`.
    """
    size = resized_size(pixels.shape[0] // factor, pixels.shape[1] // factor, preprocess.resize)
    wanted = size[0] * factor, size[1] * factor
    if wanted != pixels.shape[:2]:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        pixels = np.asarray(_brought_to(wanted, image, preprocess)).reshape(*wanted, pixels.shape[2])
    if preprocess.crop is None:
        return pixels
    rows, columns = crop_box(*size, preprocess.crop)
    return pixels[enlarged(rows, factor), enlarged(columns, factor)]


def stored_image(image: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """A picture of `read_image` in its stored form, uint8 (C, h, w): that of `resize_picture`, without an array of the
    whole picture in between. Raises as `resize_picture`.
    """
    size = resized_size(image.height, image.width, preprocess.resize)
    if size != (image.height, image.width):
        image = _brought_to(size, image, preprocess)
    pixels = pixels_in(image, preprocess.color)
    if preprocess.crop is not None:
        pixels = pixels[crop_box(*size, preprocess.crop)]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _brought_to(size: tuple[int, int], image: Image.Image, preprocess: Preprocess) -> Image.Image:
    way = Image.Resampling[preprocess.interpolation.upper()]
    # Widths first, as in every Pillow before 13: since then it depends on the sizes, and pixels may be others.
    return image.resize((size[1], image.height), way).resize(size[::-1], way)


def resize_mask(mask: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """A mask (H, W) with the geometry of its picture: the same size and crop, each pixel with the value nearest to it.

    Raises as `resize_picture`.
    """
    size = resized_size(mask.shape[0], mask.shape[1], preprocess.resize)
    if size != mask.shape:
        mask = np.asarray(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))
    return mask if preprocess.crop is None else mask[crop_box(*size, preprocess.crop)]


def cut_tiles(pixels: NDArray[np.uint8], side: int, *, name: str = "the picture") -> Iterator[NDArray[np.uint8]]:
    """The whole tiles (side, side, ...) of a picture or a mask (H, W, ...), row by row from the upper left corner.

    What is left at the right and at the bottom is in no tile. Raises ZooError when there is not a single one.
    """
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    if not rows or not columns:
        raise ZooError(
            f"{name} has {pixels.shape[0]} x {pixels.shape[1]} pixels, less than a tile of {side} x {side}",
            hint="a smaller -d tiles=N",
        )
    for row in range(rows):
        for column in range(columns):
            yield pixels[row * side : (row + 1) * side, column * side : (column + 1) * side]


def prepare_pictures(paths: Sequence[Path], preprocess: Preprocess) -> NDArray[np.uint8]:
    """Picture files, resized: uint8, shape (N, C, h, w). Raises as `read_picture`, or ZooError if sizes differ."""
    stack = _Stack(len(paths))
    for path in paths:
        stack.add(str(path), stored_image(read_image(path, color=preprocess.color), preprocess))
    return stack.stored(preprocess)


def stack_pictures(
    pictures: Iterable[tuple[str, NDArray[np.uint8]]], count: int, preprocess: Preprocess
) -> NDArray[np.uint8]:
    """`count` pairs of a name and the pixels (H, W, C) of a picture, resized: uint8, shape (count, C, h, w)."""
    stack = _Stack(count)
    for name, pixels in pictures:
        stack.add(name, resize_picture(pixels, preprocess).transpose(2, 0, 1))
    return stack.stored(preprocess)


def stack_pairs(
    pairs: Iterable[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]], count: int, preprocess: Preprocess
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures with their masks (H, W), or with what outputs shall look like (H, W, C), resized alike: uint8.

    Shapes (N, C, h, w), and (N, h, w) or (N, C, h, w). `count` is how many pairs there are at least.
    """
    truths = _Stack(count)

    def pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for name, pixels, truth in pairs:
            truths.add(name, _resized_alike(truth, pixels, preprocess))
            yield name, pixels

    stacked = stack_pictures(pictures(), count, preprocess)
    return stacked, np.empty((0, *stacked.shape[2:]), np.uint8) if truths.array is None else truths.array


def _resized_alike(truth: NDArray[np.uint8], pixels: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """A mask (H, W) or a picture (H, W, C) in its stored form, with the geometry of the pixels that it belongs to."""
    if truth.ndim == 2:
        return resize_mask(truth, preprocess)
    return resize_truth(truth, preprocess, factor=truth.shape[0] // pixels.shape[0]).transpose(2, 0, 1)


class _Stack:
    """Arrays of one shape in one array, which has room for `count` of them, and more when there are more."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._used = 0
        self._room: NDArray[np.uint8] | None = None

    @property
    def array(self) -> NDArray[np.uint8] | None:
        """All of them, (N, ...); None before the first."""
        return None if self._room is None else self._room[: self._used]

    def stored(self, preprocess: Preprocess) -> NDArray[np.uint8]:
        """All of them as pictures, also where there is none."""
        none = (0, preprocess.channels, *(preprocess.size or (0, 0)))
        return np.empty(none, np.uint8) if self.array is None else self.array

    def add(self, name: str, item: NDArray[np.uint8]) -> None:
        """One more. Raises ZooError when its shape, (..., h, w), is another one than that of those before."""
        if self._room is None:
            self._room = _room_for(self._count, item.shape)
        elif item.shape != self._room.shape[1:]:
            raise ZooError(
                f"pictures differ in size: {name} has {item.shape[-2]} x {item.shape[-1]} pixels, "
                f"those before it {self._room.shape[-2]} x {self._room.shape[-1]}",
                hint="give one size for all (datasets: -d size=N), or take one picture at a time",
            )
        if self._used == len(self._room):
            self._room = np.concatenate([self._room, _room_for(self._used, item.shape)])
        self._room[self._used] = item
        self._used += 1


def _room_for(count: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        return np.empty((count, *shape), np.uint8)
    except (MemoryError, ValueError):
        gigabytes = count * float(np.prod([float(side) for side in shape])) / 1e9
        raise ZooError(
            f"{count} pictures of shape {shape} need {gigabytes:,.0f} GB of memory, more than there is",
            hint="a smaller picture (datasets: -d size=N), or fewer of them (-d train_size=N)",
        ) from None


def prepare_arrays(arrays: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """Pictures in memory, (N, H, W) grey or (N, H, W, C) grey or RGB, brought to the stored form (N, C, h, w)."""
    pixels = convert_color(arrays[..., np.newaxis] if arrays.ndim == 3 else arrays, preprocess.color)
    count, height, width = pixels.shape[:3]
    size = resized_size(height, width, preprocess.resize)
    if size == (height, width):
        # Nothing to resize: no Python for each sample, so that 60,000 digits take a moment.
        if preprocess.crop is not None:
            pixels = pixels[:, *crop_box(height, width, preprocess.crop)]
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return stack_pictures(_named(pixels), count, preprocess)


def prepare_masks(masks: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.uint8]:
    """Masks in memory, (N, H, W), with the geometry of their pictures: (N, h, w)."""
    if not len(masks):
        return masks
    first = resize_mask(masks[0], preprocess)
    if preprocess.resize is None and preprocess.crop is None:
        return masks
    prepared = _room_for(len(masks), first.shape)
    for index, mask in enumerate(masks):
        prepared[index] = resize_mask(mask, preprocess)
    return prepared


def prepare_truths(truths: NDArray[np.uint8], preprocess: Preprocess, *, factor: int) -> NDArray[np.uint8]:
    """Pictures that outputs shall look like, (N, C, H, W), with the geometry of inputs `factor` times smaller."""
    if preprocess.resize is None and preprocess.crop is None:
        return truths
    stack = _Stack(len(truths))
    for name, truth in _named(truths.transpose(0, 2, 3, 1)):
        stack.add(name, resize_truth(truth, preprocess, factor=factor).transpose(2, 0, 1))
    return truths if stack.array is None else stack.array


def _named(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for index, picture in enumerate(pixels):
        yield f"picture {index}", picture


def convert_color(pixels: NDArray[np.uint8], color: Literal["RGB", "BGR", "L"]) -> NDArray[np.uint8]:
    """Pictures (N, H, W, C), grey (C = 1) or RGB (C = 3), in another colour order: uint8, (N, H, W, C')."""
    channels = pixels.shape[-1]
    if channels not in {1, 3}:
        raise ZooError(f"pictures in memory have 1 or 3 channels, not {channels}: their shape is {pixels.shape}")
    if color == "L":
        return pixels if channels == 1 else _grey(pixels)
    if channels == 1:
        return np.repeat(pixels, 3, axis=-1)
    return pixels[..., ::-1] if color == "BGR" else pixels


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Pillow's own integers for ITU-R 601, so that a picture and the same pixels in memory give the same grey.
    weighted = pixels.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., np.newaxis]


def normalize(stored: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.float32]:
    """Stored pictures (N, C, h, w) as the model's input, float32, in the layout of the recipe.

    `(x * scale - mean) / std`, one float32 operation after the other in this order: the torch twin gives the same bits.
    """
    if stored.ndim != 4 or stored.shape[1] != preprocess.channels or stored.dtype != np.uint8:
        raise ZooError(
            f"normalize takes uint8 pictures (N, {preprocess.channels}, height, width), "
            f"not {stored.dtype} of shape {stored.shape}"
        )
    mean = np.asarray(preprocess.mean, np.float32).reshape(1, -1, 1, 1)
    std = np.asarray(preprocess.std, np.float32).reshape(1, -1, 1, 1)
    values = stored.astype(np.float32, order="C")
    values *= np.float32(preprocess.scale)
    values -= mean
    values /= std
    if preprocess.layout == "NHWC":
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1))
    return values


def load_pictures(paths: Sequence[Path], preprocess: Preprocess) -> NDArray[np.float32]:
    """Picture files as the model's input: `prepare_pictures`, then `normalize`."""
    return normalize(prepare_pictures(paths, preprocess), preprocess)
