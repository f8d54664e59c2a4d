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
from zoo_core.runtime import OnnxFile, has_external_data, metadata_for_use, vet
from zoo_core.workflows.remote import check_published_files, checked_names

MODEL = "model.onnx"
DATA = "model.onnx.data"
REPORT = "report.json"
CARD = "README.md"
BENCH = "bench.json"
MUTANTS = "mutants.json"
"""What `zoo bench EXPORT --save` and `zoo verify EXPORT --mutants --save` keep: beside the folder of the export, as
NAME.bench.json, or where somebody has put it in it. There `zoo verify` minds every file that is not in the report."""

OUTCOMES = ("verified", "failed", "not-conclusive")
"""What a check says of an export."""

_COPIED = {".onnx", ".data", ".md", ".json", ".pb"}
"""How files end that are copied: none that a browser would take for a page or a script of this site."""
_OF_THE_SITE = {"model.json", "README.hub.md"}
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

    `left_out`: files that its report lists and that are not copied. `state`: one of `OUTCOMES`, as its report says;
    `changed` since, also where the report says what no check gives; `unknown` without a report. What is not there is
    empty.
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
    left_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """An export that cannot be shown, and why; `told` is the error without the folder, which is nobody's business."""

    name: str
    error: ZooError
    told: str


def chosen(typed: tuple[str, ...], *, may_be_none: bool) -> dict[str, Path]:
    """The exports that were named, or all in `exported/`, by the names that their pages have, sorted.

    Raises UsageError where there is none, unless that may be, and where two would have one name.
    """
    paths = [find_export(each) for each in typed] if typed else _all_here(may_be_none=may_be_none)
    found: dict[str, Path] = {}
    for path in paths:
        name = path.resolve().name if path.is_dir() else path.stem
        if found.setdefault(name, path).resolve() != path.resolve():
            raise UsageError(
                f"two of these exports are called {name!r}: {found[name]} and {path}",
                hint="a page is called as its export is: rename one of the folders",
            )
    return dict(sorted(found.items()))


def _all_here(*, may_be_none: bool) -> list[Path]:
    folder = usual_folder("export")
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in inside if not path.name.startswith(".") and path.is_dir() and is_export(path)]
    if not paths and not may_be_none:
        raise UsageError(
            f"there is no export in {folder}/", hint="name the exports, or make one: zoo quickstart, or zoo export RUN"
        )
    return paths


def open_exhibit(name: str, path: Path) -> Exhibit:
    """What there is to know of an export. Raises RefusedFileError for a file that is not safe to open, ZooError for one
    that does not say what it is or cannot be read."""
    file = vet(model_file(path))
    metadata_for_use(file)
    folder = path if path.is_dir() else None
    report = _json_at(None if folder is None else folder / REPORT)
    listed = _listed(folder, report)
    copied = {name for name in listed if Path(name).suffix in _COPIED and name not in _OF_THE_SITE}
    kept = {name: claim for name, claim in _kept(path).items() if _is_of(file, _json_at(claim))}
    return Exhibit(
        name=name,
        path=path,
        file=file,
        metadata=json.loads(file.metadata_props["zoo"]),
        state=_state(folder, report),
        report=report,
        card="" if folder is None else _text_at(folder / CARD),
        bench=_json_at(kept.get(BENCH)),
        mutants=_json_at(kept.get(MUTANTS)),
        files=_published(file, folder, copied, kept),
        left_out=tuple(sorted(listed - copied)),
    )


def _state(folder: Path | None, report: Mapping[str, Any]) -> str:
    """The word of the report, where it is one of a check and the files are still those that it is about."""
    if folder is None or not isinstance(report.get("outcome"), str):
        return "unknown"
    try:
        check_published_files(folder)
    except ZooError:
        return "changed"
    return str(report["outcome"]) if report["outcome"] in OUTCOMES else "changed"


def _kept(export: Path) -> dict[str, Path]:
    """What was measured of an export, by the name that it has in the site."""
    places = {name: (export / name, export.with_name(f"{export.name}.{name}")) for name in (BENCH, MUTANTS)}
    found = {name: next((each for each in paths if each.is_file()), None) for name, paths in places.items()}
    return {name: path for name, path in found.items() if path is not None}


def _is_of(file: OnnxFile, claim: Mapping[str, Any]) -> bool:
    """Whether something was measured of this very file: `--save` has its sha256. Of what has none, nobody knows."""
    return "sha256" not in claim or claim["sha256"] == _published_file(MODEL, file.path, None).sha256


def _text_at(path: Path) -> str:
    if not path.is_file():
        return ""
    return read_plain(path, most=_MOST_TEXT, within=path.parent).decode("utf-8", "replace")


def _json_at(path: Path | None) -> Mapping[str, Any]:
    """A file that ought to hold a JSON object; empty where it is missing, damaged or another thing."""
    try:
        found = {} if path is None else load_json(_text_at(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(folder: Path | None, report: Mapping[str, Any]) -> set[str]:
    """The files that a report lists. Raises RefusedFileError for a name that leads elsewhere."""
    listed = report.get("files")
    return (
        set()
        if folder is None or not isinstance(listed, dict)
        else set(checked_names(listed, where=str(folder / REPORT)))
    )


def _published(
    file: OnnxFile, folder: Path | None, listed: set[str], kept: Mapping[str, Path]
) -> tuple[PublishedFile, ...]:
    """The model first, then the other files of the export by name: those that are listed, and what was measured."""
    if folder is None and has_external_data(file):
        raise ZooError(f"{file.path} has its weights in another file", hint="name the folder of the export instead")
    sources = {MODEL: file.path}
    if folder is not None:
        sources |= {name: folder / name for name in sorted({*listed, DATA, CARD, REPORT} - {MODEL})}
    sources |= kept
    return tuple(
        _published_file(name, path, folder if folder in path.parents else path.parent)
        for name, path in sources.items()
        if path.is_file()
    )


def _published_file(name: str, path: Path, within: Path | None) -> PublishedFile:
    digest, size = hashlib.sha256(), 0
    with plain_file(path, most=_MOST_FILE, within=within) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return PublishedFile(name=name, path=path, bytes=size, sha256=digest.hexdigest())
