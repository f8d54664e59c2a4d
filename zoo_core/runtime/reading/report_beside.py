"""What lies beside an exported file, and whether it is about that very file."""

from __future__ import annotations

from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import read_json, sha256_of
from zoo_core.shelf import REPORT_FILE


def report_of_another(path: Path) -> str | None:
    """What to say where `report.json` beside the file has another hash for it: it was changed, or replaced.

    None where it has this one, none, or where there is no report that can be read.
    """
    report = path.with_name(REPORT_FILE)
    try:
        said = read_json(report, what="the verification report", within=path.parent)["files"][path.name]
        if not isinstance(said, str) or said == sha256_of(path):
            return None
    except (KeyError, TypeError, ZooError):
        return None
    return f"{report} is about another {path.name}: the file has changed since it was checked; see `zoo verify`"
