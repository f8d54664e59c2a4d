"""Which samples of a part are used: so many, and those of some classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .selection import check_classes, keep_classes, subset
from .splits import Split, numbers_to_choose_by, take


def fewer(part: Split, size: int | None, *, stratified: bool, where: str, option: str) -> Split:
    """So many samples of the part; all of them for None."""
    if size is None:
        return part
    return take(part, subset(numbers_to_choose_by(part), size, stratified=stratified, where=where, option=option))


def of_classes(
    split: Split, names: tuple[str, ...], wanted: Sequence[str], *, where: str, split_name: str
) -> tuple[Split, tuple[str, ...]]:
    """The samples of the classes that are wanted, all where none is named, and the names of their classes."""
    if not wanted:
        return split, names
    check_classes(wanted, names, where=where)
    index, targets = keep_classes(numbers_to_choose_by(split), names, wanted, where=f"{where}, split {split_name}")
    return dataclasses.replace(take(split, index), targets=targets), tuple(wanted)
