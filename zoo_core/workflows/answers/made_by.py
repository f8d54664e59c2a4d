"""What made a file of results: noted in a small file beside it, so that nobody goes on with another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError
from zoo_core.files import json_text, read_json, write_atomic
from zoo_core.paths import is_there


@dataclass(frozen=True, kw_only=True)
class MadeBy:
    """`sha256`: of the exported file, and of weights beside it; `asked`: the options that change answers, None where
    one was not given."""

    sha256: Sequence[str]
    asked: Mapping[str, Any]


def note_made_by(results: Path, made_by: MadeBy) -> None:
    """Note it beside the results, in `.NAME.made-by.json`."""
    write_atomic(_place(results), json_text({"sha256": list(made_by.sha256), "asked": dict(made_by.asked)}))


def check_made_by(results: Path, made_by: MadeBy) -> None:
    """Raise UsageError where the results were made by another model, with other options, or nobody knows by which."""
    anew = "leave out --resume to write it anew, or choose another --out"
    place = _place(results)
    if not is_there(place):
        raise UsageError(f"--resume: nothing says which model made {results}: there is no {place}", hint=anew)
    noted = read_json(place, what="the note of what made the results")
    if noted.get("sha256") != list(made_by.sha256):
        raise UsageError(f"--resume: {results} was made by another model, says {place}", hint=anew)
    before = noted.get("asked")
    before = before if isinstance(before, dict) else {}
    for option in sorted({*before, *made_by.asked}):
        then, now = before.get(option), made_by.asked.get(option)
        if then != now:
            raise UsageError(f"--resume: {results} was made {_with(option, then)}, not {_with(option, now)}", hint=anew)


def _with(option: str, value: Any) -> str:
    return f"without --{option}" if value is None else f"with --{option} {value}"


def _place(results: Path) -> Path:
    return results.with_name(f".{results.name}.made-by.json")
