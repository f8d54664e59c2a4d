"""What `zoo list` shows people: a table of the catalogue, of runs or of exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core.commands.common import typed
from zoo_core.commands.tables import table, terminal_width

if TYPE_CHECKING:
    from zoo_core.registry import Zoo


def list_table(rows: Sequence[Mapping[str, Any]], *, kind: str | None) -> list[str]:
    """The lines of a table of rows as `list_rows` gives them; a column of parameters where they were counted."""
    if kind == "runs":
        from zoo_core.workflows.catalogue.run_rows import HEADER, run_cells

        return table(HEADER, [run_cells(row) for row in rows], width=terminal_width())
    columns = ["name", "summary"] if kind == "exports" else ["name", "kind", "task", "summary"]
    if "parameters" in rows[0]:
        columns.insert(-1, "parameters")
    if kind == "datasets":
        columns[1:2] = []
        columns.insert(-1, "data")
    cells = [[_cell(row, name) for name in columns] for row in rows]
    return table([name.upper() for name in columns], cells, width=terminal_width())


def _cell(row: Mapping[str, Any], column: str) -> str:
    if column == "parameters":
        return f"{row[column]:,}"
    if column == "data":
        from zoo_core.workflows.catalogue.data_at_hand import in_words

        return in_words(row[column], row["download_bytes"])
    return str(row[column])


def told_in_summaries(zoo: Zoo, kind: str | None, pattern: str) -> str:
    """What to type where a pattern fits no name, and is in a summary; empty where it is not."""
    from zoo_core.workflows.catalogue.listing import list_rows

    if not pattern or not list_rows(zoo, kind=kind, search=pattern):
        return ""
    return f"in summaries: {typed('list', *([kind] if kind else []), '--search', pattern)}"


def next_after(rows: Sequence[dict[str, Any]], *, kind: str | None, sort: str | None) -> str:
    """The command that comes next for what is listed, runs `sort`ed by a field or not; empty where there is none."""
    if not rows:
        return ""
    if kind != "runs":
        name = rows[0]["name"]
        hidden = name.startswith("-")  # it would be taken for an option, and is found by its path alone
        return typed("verify" if kind == "exports" else "info", rows[0]["source"] if hidden else name)
    from zoo_core.workflows.catalogue.run_rows import is_useful, run_to_use

    if (run := run_to_use(rows, field=sort)) is None:
        return ""
    if is_useful(run):
        return typed("export", run["name"])
    going_on = ("train", run["model"], "--dataset", run["dataset"], "--run", run["name"], "--resume")
    return typed(
        *going_on, *(["--epochs", 2 * (run["planned"] or run["epochs"])] if run["status"] == "finished" else [])
    )
