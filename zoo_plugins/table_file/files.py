"""Reading the tables: rows without their target, and the target of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core import ZooError, did_you_mean
from zoo_core.data import ArraySplit, split_file
from zoo_core.recipes import TABLE_SUFFIXES, Row, read_table, row_names

USUAL_TARGET = "label"
"""The column that is to be told where nobody says another."""

_MANY_CODES, _ROWS_OF_A_CODE = 20, 10
"""Numbers that stand for classes are few, and each has several rows."""
_SHOWN = 3


def read_classes(root: Path, split: str, *, target: str, drop: Sequence[str]) -> ArraySplit | None:
    """The rows of a split, and the number of each one's class, in the order of their names."""
    path = split_file(root, split, suffixes=TABLE_SUFFIXES)
    if path is None:
        return None
    rows, targets = _rows(path, [target], drop)
    names = [_name(each[0], place, path, target) for place, each in enumerate(targets)]
    classes = _classes(root, target) if split != "train" else tuple(sorted(set(names)))
    if unknown := set(names) - set(classes):
        raise ZooError(
            f"{path}: the class {min(unknown)!r} of column {target!r} is not among those of training",
            hint=f"the classes are {', '.join(classes)}",
        )
    if len(classes) < 2:
        raise ZooError(f"{path}: the column {target!r} has only the class {names[0]!r}: nothing to tell apart")
    numbers = np.array([classes.index(name) for name in names], np.int64)
    return ArraySplit(
        inputs={"row": rows},
        targets=numbers,
        classes=classes,
        names=row_names(path, len(rows)),
        remarks=_on_amounts(classes, len(rows), target),
    )


def _on_amounts(classes: Sequence[str], rows: int, target: str) -> tuple[str, ...]:
    """What is to be known of classes that are all numbers, where they look like amounts, such as ages."""
    amounts = [number for name in classes if (number := _as_number(name)) is not None]
    many = len(classes) > _MANY_CODES and rows < _ROWS_OF_A_CODE * len(classes)
    if len(amounts) < len(classes) or not (many or any(number % 1 for number in amounts)):
        return ()
    return (
        f"The column {target!r} holds {len(classes)} different numbers, and each counts as a class of its own. Where "
        "they are amounts, --dataset table-file-regression tells the number itself, with a model of "
        "zoo list models --task regression",
    )


def read_numbers(root: Path, split: str, *, target: Sequence[str], drop: Sequence[str]) -> ArraySplit | None:
    """The rows of a split, and the numbers in the columns `target` of each."""
    path = split_file(root, split, suffixes=TABLE_SUFFIXES)
    if path is None:
        return None
    rows, targets = _rows(path, target, drop)
    _check_not_texts(path, target, targets)
    numbers = [
        [_finite(cell, place, path, column) for column, cell in zip(target, each, strict=True)]
        for place, each in enumerate(targets)
    ]
    names = row_names(path, len(rows))
    return ArraySplit(inputs={"row": rows}, targets=np.array(numbers, np.float32), classes=tuple(target), names=names)


def _rows(path: Path, target: Sequence[str], drop: Sequence[str]) -> tuple[list[Row], list[list[Any]]]:
    table = read_table(path)
    if absent := [column for column in (*target, *drop) if column not in table.columns]:
        option = "target" if absent[0] in target else "drop"
        if absent[0] == USUAL_TARGET and option == "target":  # which nobody need have typed
            raise ZooError(
                f"{path} has no column {USUAL_TARGET!r}, the one that is told from the others by default: it has "
                + ", ".join(map(repr, table.columns)),
                hint=f"say which one is to be told, such as -d target={table.columns[-1]}",
            )
        raise ZooError(
            f"{path} has no column {absent[0]!r}, but {', '.join(map(repr, table.columns))}",
            hint=f"{did_you_mean(absent[0], table.columns)} -d {option}=COLUMN".strip(),
        )
    kept = [column for column in table.columns if column not in {*target, *drop}]
    if not kept:
        raise ZooError(f"{path} has no column beside {', '.join(target)}", hint="a table with more columns")
    rows: list[Row] = [{column: row[column] for column in kept} for row in table.rows]
    return rows, [[row[column] for column in target] for row in table.rows]


def _classes(root: Path, target: str) -> tuple[str, ...]:
    path = split_file(root, "train", suffixes=TABLE_SUFFIXES)
    rows = read_table(path).rows if path is not None else ()
    return tuple(sorted({str(row[target]) for row in rows if target in row}))


def _name(cell: Any, place: int, path: Path, column: str) -> str:
    if cell is None or not str(cell).strip():
        raise ZooError(
            f"{path}: row {place + 1} has no class in its column {column!r}", hint="fill it in, or remove it"
        )
    return str(cell)


def _check_not_texts(path: Path, target: Sequence[str], targets: Sequence[Sequence[Any]]) -> None:
    """Raise ZooError for a column without a single number: it is another task, and no fault of its rows."""
    for column, cells in zip(target, zip(*targets, strict=True), strict=True):
        texts = [str(cell)[:40] for cell in cells if cell is not None and str(cell).strip()]
        if texts and not any(_as_number(cell) is not None for cell in cells):
            shown = ", ".join(map(repr, list(dict.fromkeys(texts))[:_SHOWN]))
            raise ZooError(
                f"{path}: the column {column!r} has no numbers, but texts such as {shown}",
                hint="--dataset table-file takes them as classes, with a model of zoo list models --task "
                "table-classification; or -d target=COLUMN with one of numbers",
            )


def _as_number(cell: Any) -> float | None:
    """The number of a cell; None where it has none."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _finite(cell: Any, place: int, path: Path, column: str) -> float:
    number = _as_number(cell)
    if number is None:
        raise ZooError(
            f"{path}: row {place + 1} has {str(cell)[:40]!r} in its column {column!r}, which is no number",
            hint="fill it in, or remove the row",
        )
    return number
