"""Reading the texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_core import ZooError
from zoo_core.data import ArraySplit, split_file
from zoo_core.recipes import TABLE_SUFFIXES, read_table, row_names


def read_texts(root: Path, split: str, *, text: str, target: str) -> ArraySplit | None:
    """The texts of a split, and the number of each one's class, in the order of their names."""
    path = split_file(root, split, suffixes=TABLE_SUFFIXES)
    if path is None:
        return None
    texts, names = _columns(path, text, target)
    train = path if split == "train" else split_file(root, "train", suffixes=TABLE_SUFFIXES)
    classes = tuple(sorted(set(names if train is None or train == path else _columns(train, text, target)[1])))
    if unknown := set(names) - set(classes):
        raise ZooError(
            f"{path}: the class {min(unknown)!r} is not among those of training", hint=f"they are {', '.join(classes)}"
        )
    if len(classes) < 2:
        raise ZooError(f"{path}: the column {target!r} has only one class: nothing to tell apart")
    numbers = np.array([classes.index(name) for name in names], np.int64)
    return ArraySplit(inputs={"text": texts}, targets=numbers, classes=classes, names=row_names(path, len(texts)))


def _columns(path: Path, text: str, target: str) -> tuple[list[str], list[str]]:
    table = read_table(path)
    for option, column in (("text", text), ("target", target)):
        if column not in table.columns:
            raise ZooError(
                f"{path} has no column {column!r}: it has {', '.join(map(repr, table.columns))}",
                hint=f"-d {option}=COLUMN",
            )
    for place, row in enumerate(table.rows, start=1):
        if row[text] is None or row[target] is None or not str(row[target]).strip():
            raise ZooError(f"{path}: row {place} lacks its text or its class", hint="fill it in, or remove it")
    return [str(row[text]) for row in table.rows], [str(row[target]) for row in table.rows]
