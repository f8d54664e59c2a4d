"""What two exports differ in, as tables: what `zoo diff --json` has found, in few letters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .facts import mapping_in, number, rows_in, text
from .numbers import short

_MOST_ROWS = 200
_MOST_LETTERS = 160


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts below their heads; `more` rows are left out."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


def tables_of(found: Mapping[str, Any]) -> list[Table]:
    """A table for each kind of difference that there is."""
    tables = (
        _table("Inputs and outputs", ("which", "A", "B"), _fields(found, "signature")),
        _table("Meaning: fields on which answers depend", ("field", "A", "B"), _fields(found, "meaning")),
        *_of_graph(mapping_in(found, "graph")),
        _table("Weights, by module", ("module", "tensors that differ", "largest difference", "moved"), _moved(found)),
        _table("Words: where a file comes from", ("field", "A", "B"), _fields(found, "words")),
        _table("Files with other bytes", ("file", "A", "B"), _files(found)),
    )
    return [table for table in tables if table.rows]


def _of_graph(graph: Mapping[str, Any]) -> list[Table]:
    kinds = [
        (name, *_both(each))
        for name, each in mapping_in(graph, "operators").items()
        if isinstance(each, dict) and each.get("a") != each.get("b")
    ]
    alone = [
        (text(each, "node"), text(each, "op_type"), side, text(each, "module"))
        for key, side in (("only_a", "A"), ("only_b", "B"))
        for each in rows_in(graph, key)
    ]
    changed = [
        tuple(_shown(each.get(key)) for key in ("node", "op_type", "what", "a", "b"))
        for each in rows_in(graph, "changed")
    ]
    return [
        _table("Operators", ("operator", "A", "B"), kinds),
        _table("Nodes that only one has", ("node", "operator", "only in", "module"), alone),
        _table("Nodes that differ", ("node", "operator", "in", "A", "B"), changed),
    ]


def _moved(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The modules whose weights differ; `moved` is the length of B - A as a part of that of A."""
    return [
        (
            text(each, "module") or "the model",
            f"{each.get('differ')} of {each.get('tensors')}",
            _number(each.get("largest")),
            _number(each.get("moved")),
        )
        for each in rows_in(found, "modules")
        if each.get("differ")
    ]


def _files(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (text(each, "file"), _sum(each.get("a")), _sum(each.get("b")))
        for each in rows_in(found, "files")
        if not each.get("equal")
    ]


def _table(title: str, heads: tuple[str, ...], rows: list[Any]) -> Table:
    return Table(title=title, heads=heads, rows=tuple(rows[:_MOST_ROWS]), more=max(0, len(rows) - _MOST_ROWS))


def _fields(found: Mapping[str, Any], key: str) -> list[tuple[str, str, str]]:
    """The self-test is numbers, of which a reader has nothing."""
    return [
        (field, "its own", "its own") if (field := text(each, "field")) == "self_test" else (field, *_both(each))
        for each in rows_in(found, key)
    ]


def _both(each: Mapping[str, Any]) -> tuple[str, str]:
    return _shown(each.get("a")), _shown(each.get("b"))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    told = value if isinstance(value, str) else short(value) if isinstance(value, float) else json.dumps(value)
    return told if len(told) <= _MOST_LETTERS else f"{told[: _MOST_LETTERS - 1]}…"


def _number(value: Any) -> str:
    found = number(value)
    return "-" if found is None else short(found)


def _sum(value: Any) -> str:
    return str(value)[:16] if isinstance(value, str) else "not there"
