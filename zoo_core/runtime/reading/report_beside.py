"""What lies beside an exported file, and whether it is about that very file."""

from __future__ import annotations

import json
from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import sha256_of
from zoo_core.shelf import REPORT_FILE

_MOST_BYTES = 16 << 20


def report_of_another(path: Path) -> str | None:
    """What to say where `report.json` beside the file has another hash for it: it was changed, or replaced.

    None where it has this one, none, or where there is no report that can be read.
    """
    report = path.with_name(REPORT_FILE)
    try:
        if not report.is_file() or report.stat().st_size > _MOST_BYTES:
            return None
        said = json.loads(report.read_bytes())["files"][path.name]
        if not isinstance(said, str) or said == sha256_of(path):
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ZooError):
        return None
    return f"{report} is about another {path.name}: the file has changed since it was checked; see `zoo verify`"
