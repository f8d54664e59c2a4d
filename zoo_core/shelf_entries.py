"""What lies in a folder of runs or exports, as its records tell it; nothing that is unreadable hides the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import ZooError
from .files import clear_io_errors, read_json
from .paths import is_folder


@dataclass(frozen=True, kw_only=True)
class ShelfEntry:
    """One run or export in its usual folder. `data` is its `run.json` or `report.json`; empty if that is damaged."""

    kind: Literal["run", "export"]
    name: str
    path: Path
    data: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def entries_in(
    base: Path, kind: Literal["run", "export"], *, record: str, holds: Callable[[Path], bool]
) -> tuple[ShelfEntry, ...]:
    """The folders that `holds` takes, by name, and those of which it cannot tell; each has the file `record`.

    Raises ZooError where `base` itself cannot be read.
    """
    found = []
    for path in folders_in(base):
        try:
            if not holds(path):
                continue
            data, problem = record_of(path / record)
        except ZooError as error:
            data, problem = {}, error.message
        found.append(ShelfEntry(kind=kind, name=path.name, path=path, data=data, problem=problem))
    return tuple(found)


def folders_in(base: Path) -> list[Path]:
    """The folders in a folder, by name, without hidden ones; none where it is missing. Raises as `entries_in`."""
    with clear_io_errors("cannot read the folder", base):
        here = base.iterdir() if is_folder(base) else ()
        return sorted(path for path in here if not path.name.startswith(".") and is_folder(path))


def record_of(file: Path) -> tuple[dict[str, Any], str | None]:
    """What stands in a record, or else what is wrong with it."""
    try:
        return read_json(file, what="the record"), None
    except ZooError as error:
        why = error.message.partition(str(file))[2].partition(": ")[2]
        return {}, f"{file.name} cannot be read: {why}"
