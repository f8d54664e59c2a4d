"""Where tiles lie in a figure: those of a class begin a row, and classes of few tiles share one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

_MOST_ROWS = 12
"""Rows that are never too many for classes that begin a row each."""


@dataclass(frozen=True)
class Layout:
    """Tiles in rows of `columns` cells: `places` has the number of the cell of each, row by row."""

    columns: int
    places: tuple[int, ...]
    by_class: bool

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.places[-1] // self.columns + 1


def rows_by_class(numbers: Sequence[int], *, columns: int) -> Layout:
    """The layout of tiles whose classes are `numbers`, in at most `columns`; those of a class follow each other.

    Rows are as long as the largest class fills them. Where that leaves a third of the figure empty, small classes share
    rows. With hundreds of classes tiles lie one after the other.
    """
    sizes = [len(list(group)) for _, group in itertools.groupby(numbers)]
    width = ceil(max(sizes) / ceil(max(sizes) / columns))
    rows = sum(ceil(size / width) for size in sizes)
    if rows > max(_MOST_ROWS, 2 * ceil(len(numbers) / columns)):
        return Layout(min(columns, len(numbers)), tuple(range(len(numbers))), by_class=False)
    if rows > 1 and (2 * rows * width >= 3 * len(numbers) or 4 * width <= columns):
        return _sharing_rows(sizes, columns=columns)
    places: list[int] = []
    first = 0
    for size in sizes:
        places += range(first, first + size)
        first += width * ceil(size / width)
    return Layout(width, tuple(places), by_class=True)


def _sharing_rows(sizes: Sequence[int], *, columns: int) -> Layout:
    """Classes of these sizes, each in the row of the one before it where there is room for all of it."""
    cells: list[tuple[int, int]] = []
    row = column = 0
    for size in sizes:
        if column + size > columns:
            row, column = row + bool(column), 0
        cells += [(row + (column + step) // columns, (column + step) % columns) for step in range(size)]
        row, column = cells[-1][0], cells[-1][1] + 1
    width = max(column for _, column in cells) + 1
    return Layout(width, tuple(row * width + column for row, column in cells), by_class=True)


def together(numbers: Sequence[int]) -> list[int]:
    """The order in which tiles of a class follow each other: the class of the first tile first, else as they were."""
    rank = {number: position for position, number in enumerate(dict.fromkeys(numbers))}
    return sorted(range(len(numbers)), key=lambda position: rank[numbers[position]])
