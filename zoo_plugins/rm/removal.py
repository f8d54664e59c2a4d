"""What may be removed: runs and exports of the current folder, reached by no link."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core import UsageError, ZooError
from zoo_core.commands import Located, clear_io_errors, counted, locate, usual_folder
from zoo_core.export import remove_export
from zoo_core.training import RunDirectory


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """A run or an export that is to be removed, and how much there is of it."""

    kind: str
    name: str
    path: Path
    files: int
    size: int

    def in_words(self) -> str:
        """`run lenet5-digits (runs/lenet5-digits, 7 files, 1.2 MB)`."""
        return f"{self.kind} {self.name} ({self.path}, {counted(self.files, 'file')}, {self.size / 1e6:.1f} MB)"

    def remove(self) -> None:
        """Remove it as a whole. Raises ZooError when it is in use, or cannot be removed."""
        if self.kind == "run":
            RunDirectory(self.path).remove()
        else:
            remove_export(self.path)


def find_doomed(names: Sequence[str]) -> list[Doomed]:
    """What these names or paths mean, each once.

    Raises UsageError for what is no run or export of the current folder, ZooError for what is reached by a link.
    """
    found = {}
    for name in names:
        place = locate(name, kinds=("run", "export"))
        path = _checked_path(place)
        files, size = _extent(path)
        found[path] = Doomed(kind=place.kind, name=place.name, path=path, files=files, size=size)
    return list(found.values())


def _checked_path(place: Located) -> Path:
    base = usual_folder("run" if place.kind == "run" else "export")
    given = Path(os.path.abspath(place.path or place.name))  # not resolved: what is a link shall be seen
    path = base / given.name
    if given.parent != Path.cwd() / base:
        raise UsageError(
            f"{place.path} is not in {base}/ of this folder, so it is not removed", hint="run zoo rm where it lies"
        )
    for link in (base, path):
        if link.is_symlink():
            raise ZooError(f"{link} is a symbolic link, which is not followed", hint=f"it leads to {link.resolve()}")
    if place.kind == "export" and not path.joinpath("report.json").is_file():
        raise UsageError(
            f"{path} has no report.json, so it is not removed: the zoo has not made it", hint="remove it yourself"
        )
    return path


def _extent(path: Path) -> tuple[int, int]:
    """How many files there are below a folder, and their bytes; links count as what they are."""
    with clear_io_errors("cannot read", path):
        files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
        return len(files), sum(file.lstat().st_size for file in files)
