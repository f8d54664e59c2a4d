"""The kernels of a convolution as small pictures on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import Preprocess

from .figures import color_bar, grid, heading, new_figure
from .layers import Kernels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 64
"""Kernels in a figure."""

COLUMNS = 8
SIGNED = "RdBu_r"
"""Colours for signed numbers: red above 0, white at 0, blue below."""


def draw_filters(kernels: Kernels, *, preprocess: Preprocess | None, title: str) -> Figure:
    """Kernels of one input channel by their sign, of RGB in colour, of more channels as the mean over these.

    Kernels over sequences are strips, a row for each input channel.
    """
    values = kernels.values[:MOST]
    channels, *shape = values.shape[1:]
    of = f"{MOST} of {len(kernels.values)}" if len(kernels.values) > MOST else str(len(values))
    size = " x ".join(map(str, shape)) if len(shape) > 1 else f"length {shape[0]}"
    title = f"{title}, layer {kernels.layer}: {of} kernels of {size}"
    colors = kernels.first and channels == 3 and len(shape) == 2 and preprocess is not None
    # Never 0, which would be no scale.
    most = float(np.abs(values).max()) or 1.0
    if colors and preprocess is not None:
        pictures = _colored(values, most, swapped=preprocess.color == "BGR")
        return _draw(pictures, title, f"as RGB: mid-grey is 0, black and white are -{most:.3g} and +{most:.3g}", None)
    if len(shape) == 1:
        note = "one input channel" if channels == 1 else f"a row for each of {channels} input channels"
        return _draw(values, title, note, most)
    note = "one input channel"
    if channels > 1:
        values = values.mean(axis=1, keepdims=True)
        most = float(np.abs(values).max()) or 1.0
        note = f"the mean over {channels} input channels"
    return _draw(values[:, 0], title, note, most)


def _colored(values: NDArray[np.float32], most: float, *, swapped: bool) -> NDArray[np.float32]:
    ordered = values[:, ::-1] if swapped else values
    pictures: NDArray[np.float32] = (0.5 + 0.5 * ordered / most).transpose(0, 2, 3, 1)
    return pictures


def _draw(pictures: NDArray[np.float32], title: str, note: str, most: float | None) -> Figure:
    """Pictures (N, h, w) or (N, h, w, 3); `most`: the end of the scale of signed numbers."""
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    tall = float(np.clip(pictures.shape[1] / pictures.shape[2], 0.35, 2))
    figure = new_figure(width=max(8.0, 1.15 * columns + 1), height=rows * (1.1 * tall + 0.25) + 1.1)
    cells = grid(figure, len(pictures), columns=columns)
    heading(figure, title, note)
    scale: dict[str, Any] = {} if most is None else {"cmap": SIGNED, "vmin": -most, "vmax": most}
    for index, (axes, picture) in enumerate(zip(cells, pictures, strict=True)):
        drawn = axes.imshow(picture, interpolation="nearest", **scale)
        axes.set_title(str(index), fontsize=7, pad=2, color="#777777")
    if most is not None:
        color_bar(figure, drawn, figure.axes, "weight")
    return figure
