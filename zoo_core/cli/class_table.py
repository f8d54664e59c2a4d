"""What `zoo eval` shows of the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.commands.tables import table

MOST_CLASSES = 20


def class_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of the classes; of many, those with the lowest scores."""
    names = [name for name in rows[0] if name not in {"label", "n"}]
    score = next((name for name in ("iou", "f1") if name in names), names[0])
    shown, more = list(rows), ""
    if len(rows) > MOST_CLASSES:
        shown = sorted((row for row in rows if row[score] is not None), key=lambda row: float(row[score]))
        shown = shown[:MOST_CLASSES]
        more = f"  the {len(shown)} weakest of {len(rows)} classes; --json has all of them"
    cells = [
        (row["label"], *("-" if row[name] is None else f"{row[name]:.4f}" for name in names), f"{row['n']:,}")
        for row in shown
    ]
    lines = table(("CLASS", *(name.upper() for name in names), "N"), cells, width=None)
    return [f"  {line}" for line in lines] + ([more] if more else [])
