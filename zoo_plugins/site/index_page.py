"""The index: one table of all exports, and what it may be filtered by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .comparing import Pair
from .pages import Pages
from .scatter import scatters

COLUMNS = (
    ("name", "export", ""),
    ("state", "check", "What came of the check, and whether the files are still those"),
    ("task", "task", ""),
    ("dataset", "dataset", "What it was trained on"),
    ("metric", "metric", "The first metric of the test part that is no loss"),
    ("parameters", "parameters", "Numbers of weights in the file"),
    ("bytes", "size", "Of the model's file"),
    ("floors", "error, floors", "Largest error, in multiples of PyTorch's own rounding noise"),
    ("mutation", "faults seen", "Part of the faults planted on purpose that its check sees"),
    ("latency", "latency", "Median of one row, as bench.json in the export says it, with its machine"),
    ("license", "licence", ""),
)
_LIMITS = (
    ("value", "metric at least", "0.9"),
    ("parameters", "parameters at most", "5M"),
    ("bytes", "size at most", "20MB"),
    ("floors", "floors at most", "2"),
    ("mutation", "faults seen at least", "99"),
    ("latency", "latency at most", "10ms"),
)


def index_page(pages: Pages, rows: list[dict[str, Any]], pairs: Sequence[Pair] = ()) -> str:
    """The page, for rows of the index in their order."""
    return pages.page(
        "index.html",
        rows=rows,
        columns=COLUMNS,
        limits=_limits(rows),
        choices=_choices(rows),
        charts=scatters(rows),
        pairs=pairs,
    )


def _limits(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The fields of which a number is asked for: name, label and an example; those that no export has are left out."""
    keys = {"value": "metric", "mutation": "mutation_score"}
    return [each for each in _LIMITS if any(row.get(keys.get(each[0], each[0])) is not None for row in rows)]


def _choices(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """The fields of which one value is chosen: name, label, and what there is; those with no choice are left out."""
    shown = [row for row in rows if not row["error"]]
    found = [
        ("task", "task", _values(row["task"] for row in shown)),
        ("dataset", "dataset", _values(row["dataset"] for row in shown)),
        ("metric", "metric", _values(row["metric"]["name"] for row in shown if row["metric"])),
        ("license", "licence", _values(row["license"] for row in shown)),
        ("state", "check", _values(row["state"] for row in rows)),
        ("trained", "trained", ["yes", "no"] if len({row["trained"] for row in shown}) > 1 else []),
    ]
    return [each for each in found if len(each[2]) > 1]


def _values(values: Any) -> list[str]:
    return sorted({value for value in values if value})
