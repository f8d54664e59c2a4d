"""The run that an export was made of, where it lies in `runs/` and is still that run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import ZooError, load_run
from zoo_core.commands import usual_folder
from zoo_core.data import read_plain

from .curves import Curve, curves
from .facts import mapping_in, text

if TYPE_CHECKING:
    from zoo_core.training import Run

PICTURES = {
    "confusion": "Confusion matrix: what is true against what was decided.",
    "errors": "The worst answers of the run, the worst first.",
    "predictions": "Samples with what was decided, beside the truth.",
    "why": "What decisions rest on.",
}
"""Pictures that `zoo plot RUN` leaves in the run; its curves are drawn anew."""
_MOST_PICTURE = 1 << 24
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of the run; `file` is what it is called beside the page."""

    file: str
    caption: str
    content: bytes
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is shown of a run."""

    name: str
    epochs: int
    seconds: float | None
    curves: tuple[Curve, ...]
    pictures: tuple[Picture, ...]
    rows: tuple[Mapping[str, Any], ...]


def training_of(metadata: Mapping[str, Any]) -> Training | None:
    """The run of that name, if it measured what the file says that its run measured; None without one."""
    name = text(metadata, "run")
    if not name or "/" in name or name.startswith("."):
        return None
    try:
        run = load_run(usual_folder("run") / name)
    except ZooError:
        return None
    if not _is_the_run(run, metadata):
        return None
    drawn = curves(run.rows, best_epoch=run.info.best_epoch, selection=run.info.metric)
    return Training(
        name=name,
        epochs=len(run.rows),
        seconds=run.info.seconds,
        curves=tuple(drawn),
        pictures=tuple(_pictures(run.path / "plots")),
        rows=tuple(row.to_json() for row in run.rows),
    )


def _is_the_run(run: Run, metadata: Mapping[str, Any]) -> bool:
    """A run may have been trained once more under its name; the file says what it was measured to be."""
    parts = {"validation": run.info.validation, "test": run.info.test or {}}
    measured = {f"{part} {name}": value for part, values in parts.items() for name, value in values.items()}
    return measured == dict(mapping_in(metadata, "metrics"))


def _pictures(folder: Path) -> list[Picture]:
    found = []
    for kind, caption in PICTURES.items():
        path = folder / f"{kind}.png"
        if not path.is_file():
            continue
        content = read_plain(path, most=_MOST_PICTURE, within=folder)
        if content.startswith(_SIGNATURE):
            width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
            name = f"{kind}.png"
            found.append(Picture(file=name, caption=caption, content=content, width=width, height=height))
    return found
