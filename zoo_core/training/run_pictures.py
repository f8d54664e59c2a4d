"""The pictures in a run's folder: those of the run as it is, and those that are set aside because it has gone on."""

from __future__ import annotations

import re
from pathlib import Path

from zoo_core.files import clear_io_errors

from .directory import PLOTS

_ASIDE = "after-epoch-"
_FOLDER = re.compile(rf"{_ASIDE}(\d+)")


def set_pictures_aside(run: Path, *, done: int) -> None:
    """Move what was drawn of a run that goes on after `done` epochs into a folder of that name: its weights and its
    epochs will be others."""
    aside = run / PLOTS / f"{_ASIDE}{done}"
    with clear_io_errors("cannot write", aside):
        for path in sorted((run / PLOTS).glob("[!.]*")):
            if path.is_file():
                aside.mkdir(exist_ok=True)
                path.replace(aside / path.name)


def pictures_of(run: Path) -> list[str]:
    """The pictures of a run as it is, by their paths in its folder."""
    return _pictures(run, run / PLOTS)


def older_pictures_of(run: Path) -> dict[int, list[str]]:
    """The pictures that were set aside, by the number of epochs that were done when they were drawn."""
    folders = ((_FOLDER.fullmatch(path.name), path) for path in (run / PLOTS).glob(f"{_ASIDE}*"))
    found = {int(name[1]): _pictures(run, folder) for name, folder in folders if name is not None}
    return dict(sorted(found.items()))


def _pictures(run: Path, folder: Path) -> list[str]:
    return sorted(path.relative_to(run).as_posix() for path in folder.glob("*.png"))
