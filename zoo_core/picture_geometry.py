"""Where the pixels of a picture go when it is resized and cropped; numbers alone."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ZooError
from .pictures import max_pixels
from .specs import Preprocess


def resized_size(height: int, width: int, resize: int | tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) after the resizing. Raises ZooError for more pixels than are allowed."""
    if resize is None:
        return height, width
    if isinstance(resize, int):
        # The longer side is cut off to a whole number, as torchvision does it.
        short = min(height, width)
        resize = resize * height // short, resize * width // short
    if resize[0] * resize[1] > max_pixels():
        raise ZooError(
            f"a picture of {height} x {width} pixels would become {resize[0]} x {resize[1]}, "
            f"over {max_pixels() / 1e6:g} megapixels",
            hint="choose a smaller size (datasets: -d size=N), or allow more pixels: ZOO_MAX_PIXELS",
        )
    return resize


def crop_box(height: int, width: int, crop: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns that the centre crop keeps. Raises ZooError when the picture is smaller."""
    rows, columns = crop
    if rows > height or columns > width:
        raise ZooError(
            f"a picture of {height} x {width} pixels is smaller than the crop of {rows} x {columns}",
            hint="resize to a larger size first",
        )
    top, left = round((height - rows) / 2), round((width - columns) / 2)
    return slice(top, top + rows), slice(left, left + columns)


def enlarged(part: slice, factor: int) -> slice:
    """The same part of a picture that is so many times as large."""
    return slice(part.start * factor, part.stop * factor)


@dataclass(frozen=True, kw_only=True)
class PreparedPlace:
    """Where the points of a picture are after its preparation: `point * scale - shift`, within `size`; all (y, x)."""

    scale: tuple[float, float]
    shift: tuple[int, int]
    size: tuple[int, int]


def prepared_place(height: int, width: int, preprocess: Preprocess) -> PreparedPlace:
    """That of a picture of (height, width) pixels. Raises as `resize_picture`."""
    size = resized_size(height, width, preprocess.resize)
    scale = size[0] / height, size[1] / width
    if preprocess.crop is None:
        return PreparedPlace(scale=scale, shift=(0, 0), size=size)
    rows, columns = crop_box(*size, preprocess.crop)
    return PreparedPlace(scale=scale, shift=(rows.start, columns.start), size=preprocess.crop)
