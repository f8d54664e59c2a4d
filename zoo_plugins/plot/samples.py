"""Samples of a dataset: as many of each class, with the names of their classes; masks and sequences with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted
from zoo_core.data import Samples

from .figures import cells_at, heading, new_figure, short_names
from .layout import Layout, rows_by_class
from .restored import draw_true_pictures
from .tiles import draw_line, draw_picture, is_line, name_classes, overlay, picture_of
from .told import draw_boxes, draw_input, has_one_class, truth_of, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT, COLUMNS = 40, 8
"""Pictures in a figure, and in a row of it."""

LINES, LINE_COLUMNS = 24, 4
"""Sequences in a figure, and in a row of it."""


def draw_samples(samples: Samples, *, labels: Sequence[str], title: str, count: int | None = None) -> Figure:
    """A grid of `count` samples, chosen evenly over the classes, or over the split where a sample has no single class.

    Each class begins a row, see `rows_by_class`.
    """
    line = is_line(samples.main[0])
    columns = LINE_COLUMNS if line else COLUMNS
    if samples.form == "pictures":
        return draw_true_pictures(samples, choose_evenly(samples.targets, count or COUNT // 2), title=title)
    chosen = choose_evenly(samples.targets, count or (LINES if line else usual_count(samples.targets)))
    layout = layout_of(samples.targets[chosen], columns=columns)
    figure = new_figure(**layout_size(samples, layout))
    cells = cells_at(figure, layout.places, columns=layout.columns)
    size = "" if words_of(samples, int(chosen[0])) else f", {size_of(samples)}"
    heading(figure, f"{title}: {len(chosen)} of {counted(len(samples), 'sample')}{size}")
    names = short_names(labels)
    for axes, index in zip(cells, chosen.tolist(), strict=True):
        _draw_sample(axes, samples, index)
        axes.set_title(truth_of(samples, index, labels=labels, names=names), fontsize=8, pad=3)
    if samples.is_masked:
        name_classes(figure, np.unique(samples.targets[chosen]).tolist(), labels)
    elif samples.form == "boxes":
        name_classes(figure, (1 + np.unique(samples.targets[chosen].classes)).tolist(), ["", *labels])
    return figure


def _draw_sample(axes: Axes, samples: Samples, index: int) -> None:
    """One sample in its cell, with its mask or its boxes."""
    stored, target = samples.main[index], samples.targets[index : index + 1]
    if samples.is_masked and is_line(stored):
        draw_line(axes, stored, list(target))
    elif samples.is_masked:
        draw_picture(axes, overlay(picture_of(stored, samples.preprocess), target[0]))
    else:
        draw_input(axes, samples, index)
        if samples.form == "boxes":
            draw_boxes(axes, target)


def choose_evenly(targets: Any, count: int) -> NDArray[np.int64]:
    """Up to `count` indices: as many of each class as there are, class by class, spread over the split.

    Where there are more classes than cells, some of the classes; where a sample has no single class, samples spread
    over the split. The same for the same targets.
    """
    if not has_one_class(targets):
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
    return samples.at(index)


def usual_count(targets: Any) -> int:
    """How many samples with these targets are shown: a row for each class, where there are six to ten."""
    classes = len(np.unique(targets)) if has_one_class(targets) else 0
    return COLUMNS * classes if COUNT < COLUMNS * classes <= 2 * COUNT else COUNT


def layout_of(targets: Any, *, columns: int) -> Layout:
    """The layout of samples with these targets, which are sorted by class; masks lie one after the other."""
    if not has_one_class(targets):
        return Layout(min(columns, len(targets)), tuple(range(len(targets))), by_class=False)
    return rows_by_class(targets.tolist(), columns=columns)


def layout_size(samples: Samples, layout: Layout, *, words: float = 0.25) -> dict[str, float]:
    """Width and height in inches of a figure with this layout; `words`: height of what is written on a cell."""
    if not layout.by_class or layout.rows == 1:
        return figure_size(samples, layout.places[-1] + 1, columns=max(layout.columns, LINE_COLUMNS), words=words)
    columns = LINE_COLUMNS if is_line(samples.main[0]) else COLUMNS
    alone = figure_size(samples, columns, columns=columns, words=words)
    margin = 0.7
    return {
        "width": max(6.0, alone["width"] * layout.columns / columns),
        "height": layout.rows * (alone["height"] - margin) + margin,
    }


def figure_size(samples: Samples, count: int, *, columns: int, words: float = 0.25) -> dict[str, float]:
    """Width and height in inches for cells of this shape in a row of `columns`; `words`: height of a cell's title.

    A few cells are not larger than four; the figure is narrower then, but wide enough for its title.
    """
    columns = min(columns, max(4, count))
    rows = -(-count // columns)
    cell = 12 / columns
    shape = samples.main.shape[1:]
    tall = cell * 0.45 if len(shape) < 3 else cell * float(np.clip(shape[-2] / shape[-1], 0.4, 2.5))
    return {"width": float(np.clip(cell * count, 6, 12)), "height": rows * (tall + words) + 0.7}


def size_of(samples: Samples) -> str:
    """How large one sample is, for a title."""
    shape = samples.main.shape[1:]
    return " x ".join(map(str, shape[-2:])) if len(shape) > 2 else f"length {shape[-1]}"
