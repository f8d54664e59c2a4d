"""The folder of a site: it takes its place whole or not at all, and nothing of anybody's is written over."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_core import ZooError
from zoo_core.commands import clear_io_errors
from zoo_core.data import load_json, plain_file, read_plain

INDEX = "index.json"
MADE_BY = "zoo site"
_MOST_INDEX = 1 << 30
_MOST_FILE = 1 << 40


def check_target(target: Path) -> None:
    """Raise ZooError where something stands that is not an earlier site, and must not be replaced."""
    if target.is_symlink():
        raise ZooError(f"{target} is a symbolic link", hint="name the folder itself, or another one")
    if not target.exists():
        return
    if not target.is_dir():
        raise ZooError(f"{target} is a file, not a folder", hint="choose another name with --to")
    with clear_io_errors("cannot read", target):
        is_empty = not any(target.iterdir())
    if not is_empty and not _is_site(target):
        raise ZooError(
            f"{target} exists, is not empty and is not an earlier site, so it is not replaced",
            hint="choose another folder with --to, or empty this one",
        )


def _is_site(folder: Path) -> bool:
    try:
        found: Any = load_json(read_plain(folder / INDEX, most=_MOST_INDEX, within=folder))
    except (ZooError, ValueError):
        return False
    return isinstance(found, dict) and found.get("made_by") == MADE_BY


@contextlib.contextmanager
def new_site(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `target` when the block ends well, and goes when it does not."""
    check_target(target)
    with clear_io_errors("cannot write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:48]}."))
        try:
            being_made.chmod(0o755)
            yield being_made
            _take_place(being_made, target)
        finally:
            shutil.rmtree(being_made, ignore_errors=True)


def _take_place(made: Path, target: Path) -> None:
    if not target.is_dir():
        made.rename(target)
        return
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:48]}.old."))
    target.rename(aside / "site")
    try:
        made.rename(target)
    except BaseException:
        (aside / "site").rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write(path: Path, content: str | bytes) -> None:
    """Write a file of a site that is being made, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


def copy(source: Path, path: Path) -> None:
    """Copy a plain file into a site that is being made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with plain_file(source, most=_MOST_FILE) as file, path.open("wb") as out:
        shutil.copyfileobj(file, out, 1 << 20)
    os.chmod(path, 0o644)
