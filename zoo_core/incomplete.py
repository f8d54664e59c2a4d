"""The folder of a run or of an export in which the file that makes it one is missing."""

from __future__ import annotations

import sys
from pathlib import Path

from .errors import UsageError, ZooError
from .files import plain_file, read_json
from .foreign_text import shell_word
from .paths import is_folder, is_there


def incomplete(folder: Path, missing: str, *, report: str, what: str) -> UsageError:
    """What to do about a folder without the file `missing`; `report` is the one in it that may say what made it.

    Raises RefusedFileError where a pipe, a device or a socket is in its place.
    """
    place = folder / missing
    if is_there(place) and not is_folder(place):
        with plain_file(place, most=sys.maxsize):
            pass  # it is none, and this says what it is
    why = f"{folder} is there, but has no {missing} that can be read"
    source = _source(folder / report)
    again = f", or make it again with zoo export {shell_word(source)}" if source else ""
    return UsageError(f"{what}: {why}", hint=f"bring that file back{again}, or remove the folder")


def _source(report: Path) -> str:
    """The run that an export was made of, else the model; "" where there is no report that says so."""
    try:
        data = read_json(report, what="the report")
    except ZooError:
        return ""
    source = data.get("run") or data.get("model")
    return source if isinstance(source, str) else ""
