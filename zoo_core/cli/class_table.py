"""What `zoo eval` shows of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.commands.tables import table

MOST_CLASSES = 20


def class_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of the classes; of many, those with the lowest scores."""
    names = [name for name in rows[0] if name not in {"label", "n"}]
    score = next((name for name in ("iou", "f1", *names) if name in names), "n")
    shown, more = list(rows), ""
    if len(rows) > MOST_CLASSES:
        scored = (row for row in rows if row.get(score) is not None)
        shown = sorted(scored, key=lambda row: float(row[score]))
        shown = shown[:MOST_CLASSES]
        more = f"  the {len(shown)} weakest of {len(rows)} classes; --json has all of them"
    cells = [
        (row.get("label", "-"), *(_number(row.get(name), ".4f") for name in names), _number(row.get("n"), ","))
        for row in shown
    ]
    lines = table(("CLASS", *(name.upper() for name in names), "N"), cells, width=None)
    return [f"  {line}" for line in lines] + ([more] if more else [])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
