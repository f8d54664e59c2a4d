"""The kernels of the first convolution of a file, as one small picture."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo_core import ZooError
from zoo_core.runtime import stored_array

from .exhibits import Exhibit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST = 64
_SIDE = 560
"""Pixels of the picture's width, about."""
_PAPER = 255


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The picture, and what is to be said of it."""

    content: bytes
    width: int
    height: int
    caption: str
    node: str
    file: str = "filters.png"


def first_filters(exhibit: Exhibit) -> Filters | None:
    """The kernels, in colour where they look at three channels; None without a convolution over pictures."""
    node = next((node for node in exhibit.file.nodes if node.op_type == "Conv" and len(node.inputs) > 1), None)
    tensor = exhibit.file.initializers.get(node.inputs[1]) if node is not None else None
    if (
        node is None
        or tensor is None
        or len(tensor.shape) != 4
        or min(tensor.shape[2:]) < 2
        or max(tensor.shape) > 1 << 12
    ):
        return None
    try:
        weights = stored_array(exhibit.file, tensor)
    except ZooError:
        return None
    if weights.dtype.kind != "f":
        return None
    return _drawn(weights.astype("float64"), node.name or node.inputs[1])


def _drawn(weights: NDArray[Any], node: str) -> Filters:
    from PIL import Image

    shown = weights[:_MOST]
    is_colour = shown.shape[1] == 3
    columns = min(len(shown), 16)
    height, width = shown.shape[2:]
    scale = max(1, min(16, (_SIDE // columns - 6) // width))
    sheet = _sheet([_pixels(kernel, is_colour) for kernel in shown], columns, height * scale, width * scale)
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, format="PNG")
    some = f" the first {len(shown)} of" if len(weights) > len(shown) else ""
    what = "in colour" if is_colour else "of their first channel" if shown.shape[1] > 1 else "in grey"
    caption = f"{node}:{some} {len(weights)} kernels of {width} by {height}, {what}; grey is 0, each has its own scale."
    return Filters(content=out.getvalue(), width=sheet.shape[1], height=sheet.shape[0], caption=caption, node=node)


def _pixels(kernel: NDArray[Any], is_colour: bool) -> NDArray[np.uint8]:
    """Height, width and colour; the largest weight in size is black or white, 0 the grey between."""
    import numpy as np

    values = kernel.transpose(1, 2, 0) if is_colour else np.repeat(kernel[0][..., None], 3, axis=2)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(values).max() or 1.0
    pixels: NDArray[np.uint8] = np.rint(127.5 + 127.5 * values / largest).astype(np.uint8)
    return pixels


def _sheet(tiles: list[NDArray[np.uint8]], columns: int, height: int, width: int) -> NDArray[np.uint8]:
    import numpy as np

    gap = 6
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), _PAPER, dtype=np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        scale = height // tile.shape[0]
        sheet[top : top + height, left : left + width] = tile.repeat(scale, axis=0).repeat(scale, axis=1)
    return sheet
