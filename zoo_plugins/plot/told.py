"""What a sample is that is no picture, and what is true of it: words, a spectrogram, boxes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted
from zoo_core.data import BoxTargets, Samples
from zoo_core.workflows.answers import class_color

from .figures import short
from .tiles import draw_line, draw_picture, is_line, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _LINES = 42, 9
"""Letters in a line of a cell, and lines."""
_LONGEST_TITLE, _LONGEST_LINE = 28, 200


def has_one_class(targets: Any) -> bool:
    """Whether each sample is of one class."""
    return isinstance(targets, np.ndarray) and targets.ndim == 1


def words_of(samples: Samples, index: int) -> str:
    """A sample in words, of all its inputs that recipes tell in words; empty where none is."""
    told = [recipe.in_words(samples.inputs[name][index]) for name, recipe in samples.recipes.items()]
    return "\n".join(dict.fromkeys(filter(None, told)))


def has_words(samples: Samples) -> bool:
    """Whether samples are told in words."""
    return bool(words_of(samples, 0))


def one_line(samples: Samples, index: int) -> str:
    """A sample in words, in a line for a table; of a long text its beginning."""
    return short(", ".join(filter(None, map(str.strip, words_of(samples, index).splitlines()))), _LONGEST_LINE)


def bands_of(samples: Samples, index: int) -> NDArray[Any] | None:
    """The spectrogram (bands, frames) that a recipe makes of a stored line; None for other samples."""
    name, stored = next(iter(samples.inputs.items()))
    if (recipe := samples.recipes.get(name)) is None or stored.ndim != 3:
        return None
    made = recipe.prepare(stored[index : index + 1])
    return made[0, 0] if made.ndim == 4 else None


def truth_of(samples: Samples, index: int, *, labels: Sequence[str], names: Sequence[str]) -> str:
    """What stands over a sample: its class or its flags, its numbers, how many boxes; else its number."""
    target = samples.targets[index : index + 1]
    if samples.form == "classes":
        return names[int(target[0])]
    if samples.form == "flags":
        return short(", ".join(labels[place] for place in np.flatnonzero(target[0]).tolist()) or "none", _LONGEST_TITLE)
    if samples.form == "numbers":
        return short(", ".join(f"{value:.4g}" for value in target[0]), _LONGEST_TITLE)
    if samples.form == "boxes":
        return f"sample {index}: {counted(len(target.boxes), 'box')}"
    return f"sample {index}"


def is_told(samples: Samples) -> bool:
    """Whether a sample is words or a spectrogram, which need wide cells."""
    return has_words(samples) or bands_of(samples, 0) is not None


def draw_input(axes: Axes, samples: Samples, index: int) -> None:
    """One sample in its cell, without what is true of it."""
    if text := words_of(samples, index):
        draw_words(axes, text)
    elif (bands := bands_of(samples, index)) is not None:
        draw_bands(axes, bands)
    elif is_line(samples.main[index]):
        draw_line(axes, samples.main[index])
    else:
        draw_picture(axes, picture_of(samples.main[index], samples.preprocess))


def draw_words(axes: Axes, text: str) -> None:
    """Words from the upper left corner of a cell; of many lines the first."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], f"{lines[_LINES - 1][: _WIDTH - 2]} …"]
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    # Letters of one width, so that the line is as long as the cell is wide; no mathematics between two "$".
    looks: dict[str, Any] = {
        "fontsize": 7.5,
        "family": "monospace",
        "linespacing": 1.3,
        "parse_math": False,
        "clip_on": True,
    }
    axes.text(0.03, 0.94, "\n".join(lines), va="top", **looks)


def draw_bands(axes: Axes, bands: NDArray[Any]) -> None:
    """A spectrogram, low tones at the bottom."""
    axes.imshow(bands, origin="lower", aspect="auto", cmap="magma", interpolation="nearest")


def draw_boxes(axes: Axes, targets: BoxTargets) -> None:
    """The boxes of one picture, each in the colour of its class."""
    from matplotlib.patches import Rectangle

    for (left, top, right, bottom), number in zip(targets.boxes.tolist(), targets.classes.tolist(), strict=True):
        color = [part / 255 for part in class_color(number + 1)]
        place = (left - 0.5, top - 0.5)
        axes.add_patch(Rectangle(place, right - left, bottom - top, fill=False, edgecolor=color, linewidth=1.2))
