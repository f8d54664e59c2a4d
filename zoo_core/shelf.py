"""Where runs and exports are kept, and what a name on the command line means. Reads JSON files only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from .bundle_files import MODEL_FILE, REPORT_FILE
from .discovery.mending import told_of_unusable
from .errors import UsageError, ZooError, did_you_mean
from .files import read_json, require_inside
from .foreign_text import shell_word
from .incomplete import incomplete
from .left_behind import settle, settle_below
from .registry import Zoo

RUNS = Path("runs")
EXPORTS = Path("exported")

ShelfKind = Literal["model", "run", "export", "dataset"]
SHELF_KINDS: tuple[ShelfKind, ...] = get_args(ShelfKind)

_OF_NO_RUN = re.compile(r"\.lock|\.run\.json\..*\.tmp")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


@dataclass(frozen=True, kw_only=True)
class ShelfEntry:
    """One run or export in its usual folder. `data` is its `run.json` or `report.json`; empty if that is damaged."""

    kind: Literal["run", "export"]
    name: str
    path: Path
    data: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Located:
    """What a name means. `path` is the folder of a run or export (or its `.onnx` file), None for the rest."""

    kind: ShelfKind
    name: str
    path: Path | None = None


def usual_folder(kind: Literal["run", "export"]) -> Path:
    """Where the runs or the exports of the current folder are kept: `runs` or `exported`."""
    return RUNS if kind == "run" else EXPORTS


def folder_name(name: str) -> str:
    """The folder for a run or export of that name: slashes become `-`. Raises UsageError for what is no name."""
    folder = name.strip().replace("/", "-")
    length = len(folder.encode(errors="surrogatepass"))
    if not folder or folder.strip(".") == "" or _FORBIDDEN.search(folder) or length > 200:
        raise UsageError(f"{name!r} cannot be the name of a folder", hint="letters, digits, '-', '_' and '.'")
    if folder.startswith((".", "-")):
        raise UsageError(f"a name cannot start with {folder[0]!r}: {name!r}")
    return folder


def is_free(path: Path) -> bool:
    """Whether a run may be made there: nothing has the name, or only what is left of a run without a record.

    Older versions left that when they were killed, or the disk was full, in the first moment of a run.
    """
    if path.is_symlink() or not path.is_dir():
        return not os.path.lexists(path)
    try:
        return all(_OF_NO_RUN.fullmatch(entry.name) for entry in path.iterdir())
    except OSError:
        return False


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return path.joinpath("run.json").is_file()


def is_export(path: Path) -> bool:
    """Whether a path is an export: a folder with `model.onnx`, or a bare `.onnx` file.

    One that a killed process has moved aside to replace it is put back first.
    """
    settle(path)
    return path.joinpath(MODEL_FILE).is_file() or (path.suffix == ".onnx" and path.is_file())


def model_file(export: Path) -> Path:
    """The `.onnx` file of an export, which is its folder or the bare file itself.

    Raises RefusedFileError where the one in the folder is a link that leads out of it.
    """
    if not export.is_dir():
        return export
    require_inside(export / MODEL_FILE, export)
    return export / MODEL_FILE


def find_run(text: str) -> Path:
    """The folder of a run, by its name in `runs/` or by its path.

    Raises UsageError with suggestions when there is none.
    """
    return _find(_without_kind(text, "run"), what="run", base=RUNS, holds=is_run)


def find_export(text: str) -> Path:
    """The folder of an export, by its name in `exported/` or by its path; or the path of a bare `.onnx` file.

    Raises UsageError with suggestions when there is none.
    """
    return _find(_without_kind(text, "export"), what="export", base=EXPORTS, holds=is_export)


def list_runs() -> tuple[ShelfEntry, ...]:
    """Every run in `runs/`, by name; also those whose `run.json` is damaged."""
    return tuple(_entry("run", path, path / "run.json") for path in _folders(RUNS) if is_run(path))


def list_exports() -> tuple[ShelfEntry, ...]:
    """Every export in `exported/`, by name; also those whose `report.json` is missing or damaged.

    What killed processes have left there is put back or removed.
    """
    settle_below(EXPORTS)
    folders = [path for path in _folders(EXPORTS) if is_export(path)]
    return tuple(_entry("export", path, path / REPORT_FILE) for path in folders)


def free_run_name(wanted: str) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`, ... that no run has yet."""
    folder = folder_name(wanted)
    number, name = 1, folder
    while not is_free(RUNS / name):
        number += 1
        name = f"{folder}-{number}"
    return name


def locate(text: str, *, kinds: Sequence[ShelfKind], zoo: Zoo | None = None) -> Located:
    """What `text` means among `kinds`: `KIND:NAME` says it; a bare name is looked up first, then taken as a path.

    A bare name that is both a run and its export means the run. Raises UsageError for every other double meaning,
    with the long forms, and for a name that nothing has, with suggestions. `zoo` is needed for models and datasets.
    """
    text = text.rstrip("/") or text  # a shell that completes the name of a folder puts one behind it
    said, colon, rest = text.partition(":")
    if colon and said in SHELF_KINDS:
        if said not in kinds:
            raise UsageError(f"{_a(said)} is not possible here: {text}", hint=f"possible: {', '.join(kinds)}")
        return _as(said, rest, zoo)
    meanings = [kind for kind in kinds if _has_name(kind, text, zoo)]
    if "run" in meanings and "export" in meanings and _belong_together(text):
        meanings.remove("export")
    if len(meanings) > 1:
        forms = " or ".join(f"{kind}:{text}" for kind in meanings)
        raise UsageError(f"{text!r} is the name of {' and of '.join(map(_a, meanings))}", hint=f"say which: {forms}")
    if meanings:
        return _as(meanings[0], text, zoo)
    path = Path(text)
    if "run" in kinds and is_run(path):
        return Located(kind="run", name=path.resolve().name, path=path)
    if "export" in kinds and is_export(path):
        return Located(kind="export", name=_export_name(path), path=path)
    offered = [kind for kind in kinds if kind in {"model", "dataset"}]
    if zoo is not None and len(offered) == 1 and _registry_knows(zoo, _offered(offered[0]), text):
        return _as(offered[0], text, zoo)
    raise _unknown(text, kinds, zoo)


def spelled(kind: ShelfKind, name: str, *, kinds: Sequence[ShelfKind], zoo: Zoo | None = None) -> str:
    """The word that `locate` takes for this one: the name, or `KIND:NAME` where the name alone means something else."""
    try:
        return name if locate(name, kinds=kinds, zoo=zoo).kind == kind else f"{kind}:{name}"
    except UsageError:
        return f"{kind}:{name}"


def _as(kind: ShelfKind, name: str, zoo: Zoo | None) -> Located:
    if kind == "run":
        path = find_run(name)
        return Located(kind=kind, name=path.resolve().name, path=path)
    if kind == "export":
        path = find_export(name)
        return Located(kind=kind, name=_export_name(path), path=path)
    if zoo is None:
        raise UsageError(f"{_a(kind)} is not possible here: {name}")
    return Located(kind=kind, name=zoo.find(_offered(kind), name).shown)


def _offered(kind: ShelfKind) -> Literal["model", "dataset"]:
    return "dataset" if kind == "dataset" else "model"


def _export_name(path: Path) -> str:
    return path.resolve().stem if path.is_file() else path.resolve().name


def _has_name(kind: ShelfKind, text: str, zoo: Zoo | None) -> bool:
    if kind in {"model", "dataset"}:
        return zoo is not None and any(text in {entry.shown, entry.qualified} for entry in zoo.entries(_offered(kind)))
    base, holds = (RUNS, is_run) if kind == "run" else (EXPORTS, is_export)
    return _named_path(text, base, holds) is not None


def _registry_knows(zoo: Zoo, kind: Literal["model", "dataset"], text: str) -> bool:
    """Whether it is an old name, or one that two plugins offer: the registry's own words for these are the best."""
    return any(text == entry.name or text in entry.data.get("aliases", ()) for entry in zoo.entries(kind))


def _belong_together(name: str) -> bool:
    """Whether the export of this name was made from the run of this name."""
    report = _read(EXPORTS / name.replace("/", "-") / "report.json")[0]
    run = report.get("run")
    return isinstance(run, str) and Path(run).name == name.replace("/", "-")


def _named_path(text: str, base: Path, holds: Callable[[Path], bool]) -> Path | None:
    try:
        path = base / folder_name(text)
    except UsageError:
        return None
    return path if holds(path) else None


def _without_kind(text: str, kind: str) -> str:
    said, colon, rest = text.partition(":")
    if colon and said in SHELF_KINDS and said != kind:
        raise UsageError(f"{text} is {_a(said)}, and {_a(kind)} is needed here")
    return rest if colon and said == kind else text


def _find(text: str, *, what: ShelfKind, base: Path, holds: Callable[[Path], bool]) -> Path:
    text = text.rstrip("/") or text
    if (named := _named_path(text, base, holds)) is not None:
        return named
    path = Path(text)
    if text.strip() and holds(path):
        return path
    if path.name == MODEL_FILE and what == "export" and path.with_name(REPORT_FILE).is_file():
        raise incomplete(path.parent, MODEL_FILE, report=REPORT_FILE, what=f"there is no file {text}")
    if path.suffix == ".onnx" and what == "export":
        raise UsageError(f"there is no file {text}", hint="a .onnx file, or the folder of an export")
    raise _unknown(text, (what,), None)


def _unknown(text: str, kinds: Sequence[ShelfKind], zoo: Zoo | None) -> UsageError:
    known: list[str] = []
    for kind in kinds:
        if kind in {"model", "dataset"}:
            known += [entry.shown for entry in zoo.entries(_offered(kind))] if zoo is not None else []
        else:
            known += [path.name for path in _folders(RUNS if kind == "run" else EXPORTS)]
    wanted = " or ".join(kinds)
    for base, missing in ((RUNS, "run.json"), (EXPORTS, MODEL_FILE)):
        if text in known and (base / text).is_dir():
            return incomplete(base / text, missing, report=REPORT_FILE, what=f"unknown {wanted} {text!r}")
    if "export" in kinds and Path(text, REPORT_FILE).is_file():
        return incomplete(Path(text), MODEL_FILE, report=REPORT_FILE, what=f"unknown {wanted} {text!r}")
    if list(kinds) == ["export"] and is_run(RUNS / text):
        hint = f"zoo export {shell_word(text)} makes an export of it"
        return UsageError(f"{text!r} is a run, and no export", hint=hint)
    there = "there, but it is not one" if text.strip() and Path(text).exists() else ""
    unusable = told_of_unusable(zoo.plugins, text) if zoo is not None else ""
    hint = " ".join(filter(None, [unusable, did_you_mean(text, known)])) or f"see zoo list {kinds[0]}s"
    return UsageError(f"unknown {wanted} {text!r}{f' (the path is {there})' if there else ''}", hint=hint)


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "export" else f"a {kind}"


def _folders(base: Path) -> list[Path]:
    try:
        return sorted(path for path in base.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _entry(kind: Literal["run", "export"], path: Path, file: Path) -> ShelfEntry:
    data, problem = _read(file)
    return ShelfEntry(kind=kind, name=path.name, path=path, data=data, problem=problem)


def _read(file: Path) -> tuple[dict[str, Any], str | None]:
    try:
        return read_json(file, what="the record"), None
    except ZooError as error:
        why = error.message.partition(str(file))[2].partition(": ")[2]
        return {}, f"{file.name} cannot be read: {why}"
