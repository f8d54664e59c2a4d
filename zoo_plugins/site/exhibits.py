"""An export as the site shows it: what its file says, what its report says, and the files that go along."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import UsageError, ZooError
from zoo_core.commands import find_export, is_export, model_file, usual_folder
from zoo_core.data import load_json, plain_file, read_plain
from zoo_core.runtime import OnnxFile, read_metadata, vet
from zoo_core.workflows.remote import check_published_files, checked_names

MODEL = "model.onnx"
REPORT = "report.json"
CARD = "README.md"
BENCH = "bench.json"
MUTANTS = "mutants.json"
"""What `zoo bench EXPORT --json` and `zoo verify EXPORT --mutants --json` print, where somebody has kept it there."""

_MOST_TEXT = 1 << 24
_MOST_FILE = 1 << 40
_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file that stands beside the page of an export; `name` is its path below the page's folder."""

    name: str
    path: Path
    bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{name, bytes, sha256}`."""
        return {"name": self.name, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A vetted export; nothing of it has been run.

    `state`: `verified`; `changed` since; `unknown` without a report; else the outcome that its report gives. What is
    not there is empty.
    """

    name: str
    path: Path
    file: OnnxFile
    metadata: Mapping[str, Any]
    state: str
    report: Mapping[str, Any]
    card: str
    bench: Mapping[str, Any]
    mutants: Mapping[str, Any]
    files: tuple[PublishedFile, ...]


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """An export that cannot be shown, and why."""

    name: str
    error: ZooError


def chosen(typed: tuple[str, ...]) -> dict[str, Path]:
    """The exports that were named, or all in `exported/`, by the names that their pages have, sorted.

    Raises UsageError where there is none, and where two would have one name.
    """
    paths = [find_export(each) for each in typed] if typed else _all_here()
    found: dict[str, Path] = {}
    for path in paths:
        name = path.resolve().name if path.is_dir() else path.stem
        if found.setdefault(name, path).resolve() != path.resolve():
            raise UsageError(
                f"two of these exports are called {name!r}: {found[name]} and {path}",
                hint="a page is called as its export is: rename one of the folders",
            )
    return dict(sorted(found.items()))


def _all_here() -> list[Path]:
    folder = usual_folder("export")
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in inside if not path.name.startswith(".") and path.is_dir() and is_export(path)]
    if not paths:
        raise UsageError(
            f"there is no export in {folder}/", hint="name the exports, or make one: zoo quickstart, or zoo export RUN"
        )
    return paths


def open_exhibit(name: str, path: Path) -> Exhibit:
    """What there is to know of an export. Raises RefusedFileError for a file that is not safe to open, ZooError for one
    that does not say what it is or cannot be read."""
    file = vet(model_file(path))
    read_metadata(file)
    folder = path if path.is_dir() else None
    report = _json_of(folder, REPORT)
    return Exhibit(
        name=name,
        path=path,
        file=file,
        metadata=json.loads(file.metadata_props["zoo"]),
        state=_state(folder, report),
        report=report,
        card=_text_of(folder, CARD),
        bench=_json_of(folder, BENCH),
        mutants=_json_of(folder, MUTANTS),
        files=_published(file.path, folder, report),
    )


def _state(folder: Path | None, report: Mapping[str, Any]) -> str:
    """The word of the report, where the files are still those that it is about."""
    if folder is None or not isinstance(report.get("outcome"), str):
        return "unknown"
    try:
        check_published_files(folder)
    except ZooError:
        return "changed"
    return str(report["outcome"])


def _text_of(folder: Path | None, name: str) -> str:
    if folder is None or not (folder / name).is_file():
        return ""
    return read_plain(folder / name, most=_MOST_TEXT, within=folder).decode("utf-8", "replace")


def _json_of(folder: Path | None, name: str) -> Mapping[str, Any]:
    """A file that ought to hold a JSON object; empty where it is missing, damaged or another thing."""
    try:
        found = load_json(_text_of(folder, name) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _published(model: Path, folder: Path | None, report: Mapping[str, Any]) -> tuple[PublishedFile, ...]:
    """The model first, then the other files of the export by name: those of the report, and what was measured."""
    if folder is None:
        return (_published_file(MODEL, model, model.parent),)
    listed = report.get("files")
    names = checked_names(listed if isinstance(listed, dict) else (), where=str(folder / REPORT))
    extra = (CARD, REPORT, BENCH, MUTANTS)
    there = sorted({name for name in (*names, *extra) if name != MODEL and (folder / name).is_file()})
    return tuple(_published_file(name, folder / name, folder) for name in (MODEL, *there))


def _published_file(name: str, path: Path, within: Path) -> PublishedFile:
    digest, size = hashlib.sha256(), 0
    with plain_file(path, most=_MOST_FILE, within=within) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return PublishedFile(name=name, path=path, bytes=size, sha256=digest.hexdigest())
