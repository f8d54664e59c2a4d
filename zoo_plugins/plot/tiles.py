"""How one sample looks in a cell: a picture, a picture with its mask, or a line with its classes as bands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED, Preprocess, ZooError
from zoo_core.workflows.answers import class_color, stretches

from .figures import legend_within, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TINT = 0.4
_SIDE = 256
"""Pixels that the shorter side of a picture has at least before outlines are drawn, so that they are thin."""

MISSED, TOO_MUCH, ANOTHER = (0, 114, 178), (230, 159, 0), (192, 57, 43)
"""The colours of what is wrong in a mask: a class taken for 0, 0 taken for a class, and a class for another."""

_MOST_NAMES, _LONGEST_NAME = 16, 40
"""Classes that are named below a figure, and letters of each."""


def picture_of(stored: NDArray[Any], preprocess: Preprocess | None) -> NDArray[np.uint8]:
    """A stored sample (C, h, w) as RGB (h, w, 3); numbers without a recipe are stretched from black to white.

    Raises ZooError for a shape that is no picture.
    """
    if stored.ndim != 3:
        raise ZooError(
            f"samples of shape {stored.shape} cannot be drawn",
            hint="pictures (channels, height, width) and sequences (channels, length) can",
        )
    if preprocess is None:
        low, high = float(stored.min()), float(stored.max())
        stored = np.rint((stored - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    if len(stored) != 3:
        # Channels that are no colours: the first of them.
        return np.repeat(stored[0][:, :, np.newaxis], 3, axis=2)
    order = (2, 1, 0) if preprocess is not None and preprocess.color == "BGR" else (0, 1, 2)
    return np.ascontiguousarray(stored[list(order)].transpose(1, 2, 0))


def is_line(stored: NDArray[Any]) -> bool:
    """Whether a stored sample is a sequence: (C, L) or (L,)."""
    return stored.ndim < 3


def overlay(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (h, w, 3) with a mask (h, w): each class but 0 has a tint and an outline in its colour.

    Small pictures come back larger.
    """
    factor = max(1, math.ceil(_SIDE / min(mask.shape)))
    picture, mask = (array.repeat(factor, axis=0).repeat(factor, axis=1) for array in (picture, mask))
    colors = np.array([class_color(number) for number in range(256)], np.float64)[mask]
    inside = (mask != 0)[:, :, np.newaxis]
    mixed = np.where(inside, (1 - _TINT) * picture + _TINT * colors, picture)
    mixed = np.where(_border(mask, max(1, min(mask.shape) // 130))[:, :, np.newaxis], colors, mixed)
    return np.rint(mixed).astype(np.uint8)


def difference(picture: NDArray[np.uint8], truth: NDArray[np.uint8], decided: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (h, w, 3), grey and pale, with what is wrong of a mask (h, w) in colour; small ones come back larger.

    Class 0 in place of another is missed, another in place of 0 is too much. What is not counted is never wrong.
    """
    pale = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2) * 0.5 + 120
    wrong = (truth != decided) & (truth != IGNORED)
    for places, color in (
        (wrong & (decided == 0), MISSED),
        (wrong & (truth == 0), TOO_MUCH),
        (wrong & (truth != 0) & (decided != 0), ANOTHER),
    ):
        pale[places] = color
    factor = max(1, math.ceil(_SIDE / min(truth.shape)))
    return np.rint(pale).astype(np.uint8).repeat(factor, axis=0).repeat(factor, axis=1)


def _border(mask: NDArray[np.uint8], width: int) -> NDArray[np.bool_]:
    """Places of classes above 0 that another class is not further away from than `width`."""
    differs = np.zeros(mask.shape, np.bool_)
    for distance in range(1, width + 1):
        down = mask[distance:] != mask[:-distance]
        right = mask[:, distance:] != mask[:, :-distance]
        differs[distance:] |= down
        differs[:-distance] |= down
        differs[:, distance:] |= right
        differs[:, :-distance] |= right
    border: NDArray[np.bool_] = differs & (mask != 0) & (mask != IGNORED)
    return border


def draw_picture(axes: Axes, picture: NDArray[np.uint8]) -> None:
    """A picture, each pixel sharp."""
    axes.imshow(picture, interpolation="nearest" if min(picture.shape[:2]) < _SIDE else "antialiased")


def draw_line(axes: Axes, stored: NDArray[Any], masks: Sequence[NDArray[np.uint8]] = ()) -> None:
    """A sequence (C, L) or (L,) with the classes of its places as coloured ground.

    Several masks share the height: the first is at the top.
    """
    channels = stored.reshape(-1, stored.shape[-1])
    for channel in channels:
        axes.plot(np.arange(len(channel)), channel, color="#333333", linewidth=1.0, alpha=1 / math.sqrt(len(channels)))
    axes.margins(x=0, y=0.08)
    for row, mask in enumerate(masks):
        bottom, top = 1 - (row + 1) / len(masks), 1 - row / len(masks)
        for number in sorted(set(mask.tolist()) - {0}):
            color = [part / 255 for part in class_color(number)]
            for start, stop in stretches(mask == number):
                axes.axvspan(start - 0.5, stop - 0.5, bottom, top, color=color, alpha=_TINT, linewidth=0)


def name_classes(figure: Figure, numbers: Iterable[int], labels: Sequence[str]) -> None:
    """The classes that are in a figure of masks, by colour, below it."""
    from matplotlib.patches import Patch

    patches = []
    for number in sorted(set(numbers)):
        name = short(labels[number], _LONGEST_NAME) if number < len(labels) else str(number)
        red, green, blue = (part / 255 for part in class_color(number))
        if number in {0, IGNORED}:
            name = f"{name} (no tint)" if number == 0 else "not counted (white)"
            patches.append(Patch(facecolor="white", edgecolor="#999999", label=name))
        else:
            patches.append(Patch(facecolor=(red, green, blue, 0.6), edgecolor=(red, green, blue, 1.0), label=name))
    shown = patches[:_MOST_NAMES]
    if len(shown) < len(patches):
        shown.append(Patch(facecolor="none", label=f"and {len(patches) - _MOST_NAMES} more"))
    legend_within(figure, shown, inches=figure.get_figwidth(), loc="outside lower center")
