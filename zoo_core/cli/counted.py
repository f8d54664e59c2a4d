"""`zoo list --max-parameters`: the listing with counted models, and how the counting shows itself."""

from __future__ import annotations

import sys
from typing import Any

from zoo_core.commands.common import note
from zoo_core.errors import UsageError
from zoo_core.registry import Zoo
from zoo_core.workflows.catalogue.counting import parse_count, rows_within

_MOST_NAMED = 3


def counted_rows(zoo: Zoo, rows: list[dict[str, Any]], *, kind: str | None, most: str) -> list[dict[str, Any]]:
    """The rows of models within `most` parameters, as typed; says on stderr how many could not be counted, and why."""
    limit = parse_count(most)
    if kind not in {None, "models"}:
        raise UsageError(f"--max-parameters is for models, not {kind}", hint="zoo list models --max-parameters N")
    try:
        found, unknown = rows_within(zoo, rows, most=limit, on_count=_show if sys.stderr.isatty() else _silent)
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if unknown:
        reasons = [f"{name} ({why})" for name, why in list(unknown.items())[:_MOST_NAMED]]
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        models = "models are" if len(unknown) > 1 else "model is"
        note(f"{len(unknown)} {models} left out, not counted: {'; '.join(reasons)}{more}")
    return found


def _show(done: int, total: int) -> None:
    sys.stderr.write(f"\rcounting parameters {done}/{total}")
    sys.stderr.flush()


def _silent(done: int, total: int) -> None:
    """Nothing is shown where nobody looks."""
