"""Whether a file that is opened is the one that was verified, as far as the report beside it tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import MODEL_FILE, NETRON_FILE, REPORT_FILE, VECTORS_FOLDER
from zoo_core.errors import ZooError
from zoo_core.files import read_json
from zoo_core.foreign_text import shell_word
from zoo_core.runtime.reading.model_digests import changed_files, model_digests
from zoo_core.runtime.reading.wire import OnnxFile

from .known import is_known


def remark_on(file: OnnxFile) -> str | None:
    """What is to be known of a vetted file before its answers are trusted: it has changed since it was verified, was
    never verified, or its report is missing or damaged and this machine has not verified it.

    None where nothing speaks against it, which is also so for a bare file: nobody has published that with a report.
    """
    report = file.path.with_name(REPORT_FILE)
    if not os.path.lexists(report):
        return _without(file, f"{report} is missing") if _is_of_bundle(file.path) else None
    try:
        said = read_json(report, what="the verification report", within=file.path.parent)
        listed = model_digests(said)
    except ZooError as error:
        return _without(file, error.message)
    if file.path.name != MODEL_FILE:
        return None  # a file of another name that lies there: the report is about the one of that name
    if MODEL_FILE not in listed:
        return _without(file, f"{report} is damaged: it has no hash of {MODEL_FILE}")
    return _told(file.path, report, said, changed_files(file.path.parent, listed))


def _told(path: Path, report: Path, said: Mapping[str, Any], changed: list[str]) -> str | None:
    if MODEL_FILE in changed:
        return f"{report} is about another {path.name}: the file has changed since it was checked; see `zoo verify`"
    if changed:
        return (
            f"{report} is about another {changed[0]}: the weights have changed since they were checked; see "
            "`zoo verify`"
        )
    if said.get("outcome") != "verified":
        return f"{path} was never verified: {report} says {str(said.get('outcome'))[:30]!r}; see `zoo verify`"
    return None


def _is_of_bundle(path: Path) -> bool:
    """Whether other files of an export lie beside it, so that there was a report, too."""
    return path.name == MODEL_FILE and any(path.with_name(name).exists() for name in (NETRON_FILE, VECTORS_FOLDER))


def _without(file: OnnxFile, problem: str) -> str | None:
    """What is left without a report: that this machine itself has verified these very bytes."""
    if is_known(file):
        return None
    check = f"zoo verify {shell_word(str(file.path))}"
    return f"{problem}, so nothing says that {file.path.name} is what was verified; `{check}` checks the file alone"
