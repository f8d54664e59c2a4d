"""Boxes as YOLO has them: for a.jpg a file a.txt, a line for each box."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo_core import UsageError, ZooError
from zoo_core.data import BoxTargets, FileSplit, pictures_in, read_plain

MOST_BYTES = 1 << 20
"""Of one text file: twenty thousand boxes."""
MOST_CLASSES = 10_000
NAMES = "classes.txt"
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_LINE = "class x y width height: a whole number, and the middle and the size of the box as parts of the picture's sides"

Row = tuple[int, float, float, float, float]


def read_yolo(pictures: Path, labels: Path, *, classes: Sequence[str]) -> FileSplit:
    """The pictures of a folder, by name, with the boxes of their text files; one without a file has none.

    Boxes without an area are left out. Raises ZooError that names the line that is wrong, and for a class beyond
    `classes`.
    """
    paths = pictures_in(pictures)
    found = []
    for path in paths:
        rows = read_rows(labels / f"{path.stem}.txt")
        if beyond := [row[0] for row in rows if row[0] >= len(classes)]:
            raise ZooError(
                f"{labels / f'{path.stem}.txt'} has class {beyond[0]}, and there are {len(classes)} classes",
                hint="classes are numbered from 0",
            )
        found.append([row for row in rows if row[3] > 0 and row[4] > 0])
    sides = np.array([row[1:] for rows in found for row in rows], np.float64).reshape(-1, 4)
    targets = BoxTargets(
        boxes=np.concatenate([sides[:, :2] - sides[:, 2:] / 2, sides[:, :2] + sides[:, 2:] / 2], axis=1),
        classes=np.array([row[0] for rows in found for row in rows], np.int64),
        counts=np.array([len(rows) for rows in found], np.int64),
        relative=True,
    )
    return FileSplit(paths=tuple(paths), targets=targets, classes=tuple(classes))


def class_names(root: Path, pictures: Path, labels: Path, *, names: Sequence[str]) -> tuple[str, ...]:
    """The names that were given, or a line each of classes.txt; else the numbers of the classes that train has."""
    if names:
        return tuple(names)
    if (root / NAMES).exists():
        lines = read_plain(root / NAMES, most=MOST_BYTES, what="names").decode("utf-8", "replace").splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    numbers = [row[0] for path in pictures_in(pictures) for row in read_rows(labels / f"{path.stem}.txt")]
    if not numbers:
        raise UsageError(f"there is not a single box in {labels}", hint="a text file for each picture, of its name")
    return tuple(str(number) for number in range(max(numbers) + 1))


def read_rows(path: Path) -> list[Row]:
    """The boxes of one file: class, x, y, width, height; none where there is no file. Raises ZooError for a line that
    is none."""
    if not path.exists():
        return []
    lines = read_plain(path, most=MOST_BYTES, what="boxes").decode("utf-8", "replace").splitlines()
    return [_row(path, number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(path: Path, number: int, words: Sequence[str]) -> Row:
    numbers = [float(word) if len(word) <= 40 and _NUMBER.fullmatch(word) else -1.0 for word in words]
    good = len(words) == 5 and words[0].isdecimal() and words[0].isascii() and numbers[0] < MOST_CLASSES
    if not good or not all(0 <= value <= 1 for value in numbers[1:]):
        raise ZooError(f"{path}, line {number}, is no box: {' '.join(words)[:60]!r}", hint=_LINE)
    return int(words[0]), numbers[1], numbers[2], numbers[3], numbers[4]
