"""Arrays as the content of files: masks and pictures as PNG, sequences as CSV and as a drawing, numbers as .npy."""

from __future__ import annotations

import colorsys
import importlib.util
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo_core.errors import ZooError
from zoo_core.installation import install_command
from zoo_core.records import counted
from zoo_core.specs import IGNORED

_GAP = 2
_GOLDEN = (math.sqrt(5) - 1) / 2


def npy_bytes(array: NDArray[Any]) -> bytes:
    """The numbers themselves, as numpy writes them."""
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()


def mask_png(mask: NDArray[np.uint8]) -> bytes:
    """A PNG with a palette: each pixel is the number of its class; the colours are only for people."""
    if mask.ndim != 2:
        raise ZooError(f"a mask picture has rows and columns, not the shape {mask.shape}", hint="--out FILE.npy")
    picture = Image.fromarray(mask)
    picture.putpalette([part for number in range(256) for part in class_color(number)])
    return _png(picture)


def class_color(number: int) -> tuple[int, int, int]:
    """The colour of a class: 0 is black, 255 (not counted) is white, the others are far apart on the colour wheel."""
    if number in {0, IGNORED}:
        return (0, 0, 0) if number == 0 else (255, 255, 255)
    value = 1.0 if number % 2 else 0.65
    red, green, blue = colorsys.hsv_to_rgb((number - 1) * _GOLDEN % 1, 0.85, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def picture_png(values: NDArray[Any]) -> bytes:
    """What a filter gave, (C, H, W) or (H, W), to look at: see `eight_bit` and `sheet`.

    Channels that lie side by side have a brightness of their own each.
    """
    if values.ndim not in {2, 3}:
        raise ZooError(
            f"a picture has the shape (channels, height, width), not {values.shape}", hint="--out FILE.npy takes any"
        )
    channels = values if values.ndim == 3 else values[np.newaxis]
    if len(channels) in {1, 3}:
        return _png(Image.fromarray(sheet(eight_bit(channels))))
    return _png(Image.fromarray(sheet(np.stack([eight_bit(channel) for channel in channels]))))


def eight_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values as brightness, 0 to 255.

    Values that all lie from 0 to 1 are a picture already: times 255. Others show how strong they are, whatever their
    sign: |value| divided by the largest of them, so that 0 is black and the strongest is white.
    """
    numbers = np.asarray(values, np.float64)
    if numbers.min() < 0 or numbers.max() > 1 + 1e-4:
        numbers = np.abs(numbers) / np.abs(numbers).max()
    return np.rint(np.clip(numbers, 0, 1) * 255).astype(np.uint8)


def sheet(channels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Channels (C, H, W) as one picture: 1 is grey, 3 are RGB, other numbers lie side by side in rows, in order."""
    count, height, width = channels.shape
    if count == 1:
        grey: NDArray[np.uint8] = channels[0]
        return grey
    if count == 3:
        return np.ascontiguousarray(channels.transpose(1, 2, 0))
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    whole = np.zeros((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP), np.uint8)
    for index, channel in enumerate(channels):
        top, left = index // columns * (height + _GAP), index % columns * (width + _GAP)
        whole[top : top + height, left : left + width] = channel
    return whole


def sequence_csv(values: NDArray[Any], mask: NDArray[Any], probability: NDArray[Any]) -> str:
    """Columns `value` (`value_1`, ... for several channels), `probability` of the class, and `class`, its number."""
    if len(values) != len(mask):
        raise ZooError(
            f"the model gives {counted(len(mask), 'place')} for a sequence of {len(values)}",
            hint="--out FILE.npy takes any",
        )
    channels = values.shape[1]
    names = ["value"] if channels == 1 else [f"value_{number}" for number in range(1, channels + 1)]
    lines = [",".join((*names, "probability", "class"))]
    for row, chance, number in zip(values, probability, mask, strict=True):
        lines.append(",".join((*map(str, row.tolist()), f"{chance:.6f}", str(number))))
    return "\n".join(lines) + "\n"


def undrawn(gives: str, ending: str) -> str | None:
    """What to say where sequences are written in a form that is drawn, too, and cannot be; else None."""
    if gives != "sequences" or ending == ".npy" or importlib.util.find_spec("matplotlib") is not None:
        return None
    return f"the sequences are not drawn: that needs matplotlib, which is not installed: {install_command('plot')}"


def sequence_png(values: NDArray[Any], mask: NDArray[Any], labels: tuple[str, ...]) -> bytes | None:
    """A drawing of a sequence with the classes of its places as coloured ground; None without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(np.arange(len(values)), values, color="#333333", linewidth=1.2)
    for number in sorted(set(mask.tolist()) - {0}):
        color = [part / 255 for part in class_color(number)]
        label = labels[number] if number < len(labels) else str(number)
        for index, (start, stop) in enumerate(stretches(mask == number)):
            axes.axvspan(start - 0.5, stop - 0.5, color=color, alpha=0.35, linewidth=0, label=None if index else label)
    axes.set_xlabel("place")
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    if mask.any():
        axes.legend(loc="best", framealpha=0.9, edgecolor="none")
    content = io.BytesIO()
    # Without the Software entry the same values give the same bytes, whatever version drew them.
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    return content.getvalue()


def stretches(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where it is true without a gap: (first, one after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()
