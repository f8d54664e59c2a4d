"""Samples of a dataset: as many of each class, with the names of their classes; masks and sequences with theirs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted
from zoo_core.data import Samples

from .figures import grid, heading, new_figure, short_names
from .tiles import draw_line, draw_picture, is_line, name_classes, overlay, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT, COLUMNS = 40, 8
"""Pictures in a figure, and in a row of it."""

LINES, LINE_COLUMNS = 24, 4
"""Sequences in a figure, and in a row of it."""


def draw_samples(samples: Samples, *, labels: Sequence[str], title: str) -> Figure:
    """A grid of samples, chosen evenly over the classes, or over the split where a sample has no single class."""
    line = is_line(samples.inputs[0])
    count, columns = (LINES, LINE_COLUMNS) if line else (COUNT, COLUMNS)
    chosen = choose_evenly(samples.targets, count)
    figure = new_figure(**figure_size(samples, len(chosen), columns=columns))
    cells = grid(figure, len(chosen), columns=min(columns, len(chosen)))
    heading(figure, f"{title}: {len(chosen)} of {counted(len(samples), 'sample')}, {size_of(samples)}")
    masks = samples.targets.ndim > 1
    names = short_names(labels)
    for axes, index in zip(cells, chosen, strict=True):
        stored, target = samples.inputs[index], samples.targets[index]
        if line:
            draw_line(axes, stored, [target] if masks else [])
        elif masks:
            draw_picture(axes, overlay(picture_of(stored, samples.preprocess), target))
        else:
            draw_picture(axes, picture_of(stored, samples.preprocess))
        axes.set_title(f"sample {index}" if masks else names[target], fontsize=8, pad=3)
    if masks:
        name_classes(figure, np.unique(samples.targets[chosen]).tolist(), labels)
    return figure


def choose_evenly(targets: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Up to `count` indices: as many of each class as there are, class by class, spread over the split.

    Where there are more classes than cells, some of the classes; where targets are masks, samples spread over the
    split. The same for the same targets.
    """
    if targets.ndim > 1:
        return _spread(np.arange(len(targets)), min(count, len(targets)))
    groups = [np.flatnonzero(targets == number) for number in np.unique(targets)]
    groups = [groups[index] for index in _spread(np.arange(len(groups)), min(count, len(groups)))]
    wanted = [0] * len(groups)
    while sum(wanted) < min(count, sum(map(len, groups))):
        for position, group in enumerate(groups):
            if wanted[position] < len(group) and sum(wanted) < count:
                wanted[position] += 1
    return np.concatenate([_spread(group, number) for group, number in zip(groups, wanted, strict=True)])


def _spread(items: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return items[(np.arange(count) * len(items)) // count]


def take(samples: Samples, index: NDArray[np.int64]) -> Samples:
    """Some of the samples."""
    return dataclasses.replace(samples, inputs=samples.inputs[index], targets=samples.targets[index])


def figure_size(samples: Samples, count: int, *, columns: int, words: float = 0.25) -> dict[str, float]:
    """Width and height in inches for cells of this shape in a row of `columns`; `words`: height of a cell's title.

    A few cells are not larger than four; the figure is narrower then, but wide enough for its title.
    """
    columns = min(columns, max(4, count))
    rows = -(-count // columns)
    cell = 12 / columns
    shape = samples.inputs.shape[1:]
    tall = cell * 0.45 if len(shape) < 3 else cell * float(np.clip(shape[-2] / shape[-1], 0.4, 2.5))
    return {"width": float(np.clip(cell * count, 6, 12)), "height": rows * (tall + words) + 0.7}


def size_of(samples: Samples) -> str:
    """How large one sample is, for a title."""
    shape = samples.inputs.shape[1:]
    return " x ".join(map(str, shape[-2:])) if len(shape) > 2 else f"length {shape[-1]}"
