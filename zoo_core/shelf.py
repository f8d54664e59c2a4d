"""Where runs and exports are kept, and what a name on the command line means. Reads JSON files only."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from .bundle_files import MODEL_FILE, REPORT_FILE
from .discovery.mending import told_of_unusable
from .errors import UsageError, ZooError, did_you_mean
from .files import plain_file, require_inside
from .foreign_text import shell_word
from .incomplete import incomplete
from .left_behind import settle, settle_below
from .paths import is_folder, is_plain, is_there
from .registry import Zoo
from .shelf_entries import ShelfEntry as ShelfEntry
from .shelf_entries import entries_in, folders_in, record_of

SUFFIX = ".onnx"
RUNS = Path("runs")
EXPORTS = Path("exported")

ShelfKind = Literal["model", "run", "export", "dataset"]
SHELF_KINDS: tuple[ShelfKind, ...] = get_args(ShelfKind)

_OF_NO_RUN = re.compile(r"\.lock|\.run\.json\..*\.tmp")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


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
    """Whether a folder holds a run. Raises ZooError where nobody can tell: a name too long, or no permission."""
    return is_folder(path) and is_plain(path / "run.json")


def is_export(path: Path) -> bool:
    """Whether a path is an export: a folder with `model.onnx`, or a bare `.onnx` file.

    One that a killed process has moved aside to replace it is put back first. Raises as `is_run`.
    """
    settle(path)
    return is_plain(path / MODEL_FILE) if is_folder(path) else path.suffix.lower() == SUFFIX and is_plain(path)


def model_file(export: Path) -> Path:
    """The `.onnx` file of an export, which is its folder or the bare file itself.

    Raises RefusedFileError where the one in the folder is a link that leads out of it.
    """
    if not is_folder(export):
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
    return entries_in(RUNS, "run", record="run.json", holds=is_run)


def list_exports() -> tuple[ShelfEntry, ...]:
    """Every export in `exported/`, by name; also those whose `report.json` is missing or damaged.

    What killed processes have left there is put back or removed.
    """
    settle_below(EXPORTS)
    return entries_in(EXPORTS, "export", record=REPORT_FILE, holds=is_export)


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
    return path.resolve().name if is_folder(path) else path.resolve().stem


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
    report = record_of(EXPORTS / name.replace("/", "-") / "report.json")[0]
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
    if path.name == MODEL_FILE and what == "export" and is_plain(path.with_name(REPORT_FILE)):
        raise incomplete(path.parent, MODEL_FILE, report=REPORT_FILE, what=f"there is no file {text}")
    if path.suffix.lower() == SUFFIX and what == "export":
        if os.path.lexists(path):
            with plain_file(path, most=sys.maxsize):
                pass  # it is none, and this says what it is
        raise UsageError(f"there is no file {text}", hint="a .onnx file, or the folder of an export")
    raise _unknown(text, (what,), None)


def _unknown(text: str, kinds: Sequence[ShelfKind], zoo: Zoo | None) -> UsageError:
    known: list[str] = []
    for kind in kinds:
        if kind in {"model", "dataset"}:
            known += [entry.shown for entry in zoo.entries(_offered(kind))] if zoo is not None else []
        else:
            with contextlib.suppress(ZooError):  # the names are a help alone
                known += [path.name for path in folders_in(RUNS if kind == "run" else EXPORTS)]
    wanted = " or ".join(kinds)
    for base, missing in ((RUNS, "run.json"), (EXPORTS, MODEL_FILE)):
        if text in known and is_folder(base / text):
            return incomplete(base / text, missing, report=REPORT_FILE, what=f"unknown {wanted} {text!r}")
    if "export" in kinds and is_plain(Path(text, REPORT_FILE)):
        return incomplete(Path(text), MODEL_FILE, report=REPORT_FILE, what=f"unknown {wanted} {text!r}")
    if list(kinds) == ["export"] and is_run(RUNS / text):
        hint = f"zoo export {shell_word(text)} makes an export of it"
        return UsageError(f"{text!r} is a run, and no export", hint=hint)
    there = ""
    if text.strip() and is_there(Path(text)):
        there = "there, but it is not one"
        if "export" in kinds and is_plain(Path(text)):
            there += f"; the name of a model's file ends in {SUFFIX}"
    unusable = told_of_unusable(zoo.plugins, text) if zoo is not None else ""
    hint = " ".join(filter(None, [unusable, did_you_mean(text, known)])) or f"see zoo list {kinds[0]}s"
    return UsageError(f"unknown {wanted} {text!r}{f' (the path is {there})' if there else ''}", hint=hint)


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "export" else f"a {kind}"
