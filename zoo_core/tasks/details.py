"""What a tally tells beside its metrics, as others read it: rows of classes, and a matrix of confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.records import counted

CLASSES, CONFUSION = "classes", "confusion"
"""The keys that are read; what stands under any other is passed on to whoever asks for JSON."""


def fault_of_details(details: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Why these are no details as `Tally.details` has them; empty where they are. Of plain data."""
    return _of_classes(details.get(CLASSES) or []) or _of_confusion(details.get(CONFUSION), len(labels))


def _of_classes(rows: Any) -> str:
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not all(isinstance(row, Mapping) for row in rows):
        return f"{CLASSES!r} is no list with a dict for each class"
    for number, row in enumerate(rows):
        if not isinstance(row.get("label"), str):
            return f"row {number} of {CLASSES!r} has no text as 'label'"
        if not isinstance(row.get("n"), int):
            return f"row {number} of {CLASSES!r} has no whole number as 'n'"
        if row.keys() != rows[0].keys():
            return f"row {number} of {CLASSES!r} has {', '.join(row)}, and row 0 has {', '.join(rows[0])}"
        for name, score in row.items():
            if name != "label" and score is not None and not isinstance(score, int | float):
                return f"row {number} of {CLASSES!r} has a {type(score).__name__} as {name!r}, not a number or None"
    return ""


def _of_confusion(matrix: Any, classes: int) -> str:
    if matrix is None:
        return ""
    rows: list[Any] = list(matrix) if isinstance(matrix, Sequence) and not isinstance(matrix, str) else [None]
    if not all(isinstance(row, Sequence) and len(row) == len(rows) for row in rows):
        return f"{CONFUSION!r} is no square of counts"
    if classes and len(rows) != classes:
        return f"{CONFUSION!r} has {counted(len(rows), 'row')} for {counted(classes, 'class')}"
    whole = all(isinstance(count, int) and count >= 0 for row in rows for count in row)
    return "" if whole else f"{CONFUSION!r} holds something else than counts"
