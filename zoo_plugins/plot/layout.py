"""Where tiles lie in a figure: those of a class begin a row, where that does not leave most of the figure empty."""

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

    Rows are as long as the largest class fills them. Where that takes over twice the rows, and over a dozen, as with
    hundreds of classes, tiles lie one after the other.
    """
    sizes = [len(list(group)) for _, group in itertools.groupby(numbers)]
    width = ceil(max(sizes) / ceil(max(sizes) / columns))
    if sum(ceil(size / width) for size in sizes) > max(_MOST_ROWS, 2 * ceil(len(numbers) / columns)):
        return Layout(min(columns, len(numbers)), tuple(range(len(numbers))), by_class=False)
    places: list[int] = []
    first = 0
    for size in sizes:
        places += range(first, first + size)
        first += width * ceil(size / width)
    return Layout(width, tuple(places), by_class=True)


def together(numbers: Sequence[int]) -> list[int]:
    """The order in which tiles of a class follow each other: the class of the first tile first, else as they were."""
    rank = {number: position for position, number in enumerate(dict.fromkeys(numbers))}
    return sorted(range(len(numbers)), key=lambda position: rank[numbers[position]])
