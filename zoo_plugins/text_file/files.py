"""Reading the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo_core import ZooError, did_you_mean
from zoo_core.data import ArraySplit, split_file
from zoo_core.recipes import TABLE_SUFFIXES, read_table, row_names

USUAL = {"text": "text", "target": "label"}
"""The columns that are read where nobody says others, by their options."""


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


def _without(absent: Mapping[str, str], path: Path, columns: Sequence[str]) -> ZooError:
    """The error for columns that are not there, by their options; the usual ones nobody need have typed."""
    typed = [column for option, column in absent.items() if column != USUAL[option]]
    by_default = "" if typed else ", where texts and their classes are by default"
    near = did_you_mean(typed[0], columns) if typed else "say which ones hold texts and classes:"
    return ZooError(
        f"{path} has no column {' and no '.join(map(repr, absent.values()))}{by_default}: it has "
        + ", ".join(map(repr, columns)),
        hint=f"{near} {' '.join(f'-d {option}=COLUMN' for option in absent)}".strip(),
    )


def _columns(path: Path, text: str, target: str) -> tuple[list[str], list[str]]:
    table = read_table(path)
    if absent := {option: name for option, name in (("text", text), ("target", target)) if name not in table.columns}:
        raise _without(absent, path, table.columns)
    for place, row in enumerate(table.rows, start=1):
        if row[text] is None or row[target] is None or not str(row[target]).strip():
            raise ZooError(f"{path}: row {place} lacks its text or its class", hint="fill it in, or remove it")
    return [str(row[text]) for row in table.rows], [str(row[target]) for row in table.rows]
