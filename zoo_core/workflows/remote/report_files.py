"""Whether the files of an export are those that its report lists: names that may be written here, and their sha256."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.errors import NotVerifiedError, RefusedFileError, ZooError
from zoo_core.files import read_json, sha256_of
from zoo_core.foreign_text import shell_word

MOST_FILES = 1000
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEEPEST = 8


def checked_names(names: Iterable[object], *, where: str) -> list[str]:
    """The names of files that are to be written below a folder. Raises RefusedFileError for one that could lead out of
    it, that another system would take for something else, or that is there twice."""
    found: dict[str, str] = {}
    for name in names:
        parts = name.split("/") if isinstance(name, str) else []
        if not parts or len(parts) > _DEEPEST or not all(_PART.fullmatch(part) and part[-1] != "." for part in parts):
            raise RefusedFileError(f"{where} was refused (name): {str(name)[:100]!r} cannot be the name of a file here")
        checked = "/".join(parts)
        if checked.lower() in found:  # the same on some systems
            raise RefusedFileError(f"{where} was refused (name): it has {found[checked.lower()]} twice")
        found[checked.lower()] = checked
    return list(found.values())


def published_files(folder: Path) -> dict[str, str]:
    """The files that the report of an export lists, with their sha256. Raises RefusedFileError for a report of other
    things, ZooError where there is none."""
    report = folder / REPORT_FILE
    if not os.path.lexists(report):
        raise ZooError(
            f"{report} is missing: it says what was published, with the hash of every file",
            hint=f"zoo verify {shell_word(str(folder / MODEL_FILE))} checks the file alone; zoo export makes the whole "
            "folder again",
        )
    files = read_json(report, what="the verification report", within=folder).get("files")
    where = str(report)
    if not isinstance(files, dict) or MODEL_FILE not in files or len(files) > MOST_FILES:
        raise RefusedFileError(f"{where} was refused (report): it does not list the files of an export")
    if not all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in files.values()):
        raise RefusedFileError(f"{where} was refused (report): it lists a file without its sha256")
    checked_names([*files, REPORT_FILE], where=where)
    return files


def check_published_files(folder: Path, *, no_other: bool = False, of_another: str | None = None) -> dict[str, str]:
    """The files of an export with their sha256, once each is what the report says. Raises NotVerifiedError where one is
    missing or has changed, or with `no_other` is not listed (`of_another` is the hint), and as `published_files`."""
    listed = published_files(folder)
    if no_other:
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if more := sorted(there - {*listed, REPORT_FILE}):
            raise NotVerifiedError(f"{more[0]} is not in the report of this export", hint=of_another)
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file():
            raise NotVerifiedError(f"{name} is missing in {folder}", hint="fetch the export again, or export it again")
        if (found := sha256_of(path, within=folder)) != digest:
            raise NotVerifiedError(
                f"{name} in {folder} has changed: its sha256 is {found}, and the report says {digest}",
                hint="do not use this export; fetch it or export it again",
            )
    return listed
