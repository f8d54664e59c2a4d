"""What a layer gives for one input: maps, channels along a sequence, or a row of numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_core import Preprocess, ZooError
from zoo_core.commands import counted

from .figures import bare, color_bar, heading, new_figure, short
from .filters import SIGNED
from .layers import Given, Maps
from .tiles import draw_line, draw_picture, is_line, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 64
"""Maps in a figure."""


def draw_activations(maps: Maps, given: Given, *, preprocess: Preprocess | None, title: str) -> Figure:
    """Maps (C, H, W) side by side, (C, L) as rows of colour, (F,) as bars; beside or above them the input.

    All of them share one scale. Raises ZooError for other shapes.
    """
    shape = maps.values.shape
    title = f"{title}, layer {maps.layer}"
    if maps.calls > 1:
        title += f" (the last of its {counted(maps.calls, 'call')})"
    if len(shape) == 3:
        return _draw_maps(maps, given, preprocess, title)
    if len(shape) in {1, 2} and 0 not in shape:
        return _draw_rows(maps, given, preprocess, title)
    raise ZooError(
        f"layer {maps.layer} gives the shape {shape} for one input, which cannot be drawn", hint="another --layer"
    )


def _draw_maps(maps: Maps, given: Given, preprocess: Preprocess | None, title: str) -> Figure:
    values = maps.values[:MOST]
    count, height, width = values.shape
    columns = math.ceil(math.sqrt(1.6 * count))
    rows = math.ceil(count / columns)
    # The input has the place of two cells each way, at the left.
    tall = float(np.clip(height / width, 0.4, 2.5))
    figure = new_figure(width=max(8.0, 1.25 * (columns + 2)), height=max(2, rows) * (1.15 * tall + 0.25) + 1.1)
    places = figure.add_gridspec(max(2, rows), columns + 2)
    _draw_input(figure.add_subplot(places[:2, :2]), given, preprocess)
    cells = [figure.add_subplot(places[index // columns, 2 + index % columns]) for index in range(count)]
    for index, (axes, value) in enumerate(zip(cells, values, strict=True)):
        drawn = axes.imshow(value, interpolation="nearest", **_scale(values))
        axes.set_title(str(index), fontsize=7, pad=2, color="#777777")
        bare(axes)
    of = f"the first {MOST} of {len(maps.values)}" if len(maps.values) > MOST else str(count)
    heading(figure, f"{title}: {of} feature maps of {height} x {width}")
    color_bar(figure, drawn, cells, "activation")
    return figure


def _draw_rows(maps: Maps, given: Given, preprocess: Preprocess | None, title: str) -> Figure:
    values = maps.values
    sequence = values.ndim == 2 and is_line(given.stored)
    figure = new_figure(width=11, height=5.2 if sequence else 3.6)
    if sequence:
        above, axes = figure.subplots(2, 1, height_ratios=(1, 2))
    else:
        above, axes = figure.subplots(1, 2, width_ratios=(1, 3))
    _draw_input(above, given, preprocess)
    if values.ndim == 2:
        drawn = axes.imshow(values, aspect="auto", interpolation="nearest", **_scale(values))
        axes.set_xlabel("place" if sequence else "second axis")
        axes.set_ylabel("channel" if sequence else "first axis")
        color_bar(figure, drawn, axes, "activation")
        heading(figure, f"{title}: {values.shape[0]} x {values.shape[1]}")
        return figure
    axes.bar(np.arange(len(values)), values, width=0.9 if len(values) < 100 else 1.0, color="#4c72b0")
    axes.axhline(0, color="#777777", linewidth=0.8)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("unit")
    axes.set_ylabel("activation")
    heading(figure, f"{title}: {counted(len(values), 'unit')}")
    return figure


def _draw_input(axes: Axes, given: Given, preprocess: Preprocess | None) -> None:
    bare(axes)
    if is_line(given.stored):
        draw_line(axes, given.stored)
    else:
        draw_picture(axes, picture_of(given.stored, preprocess))
    axes.set_title(f"input: {short(given.path.name, 30)}", fontsize=9)


def _scale(values: Any) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    if low < 0:
        most = max(-low, high)
        return {"cmap": SIGNED, "vmin": -most, "vmax": most}
    return {"cmap": "viridis", "vmin": 0, "vmax": high or 1.0}
