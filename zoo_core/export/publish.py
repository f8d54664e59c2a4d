"""Publish as a whole: built beside its place, and moved there only when everything is in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, replace_folder

MODEL_FILE = "model.onnx"
REPORT_FILE = "report.json"


def check_target(target: Path) -> None:
    """Raises ZooError when something stands at `target` that is not an earlier export, and must not be replaced."""
    if target.is_symlink():
        raise ZooError(f"{target} is a symbolic link", hint="name the folder itself, or another one")
    if not target.exists():
        return
    if not target.is_dir():
        raise ZooError(f"{target} is a file, not a folder", hint="choose another name with --to")
    with clear_io_errors("cannot read", target):
        inside = {entry.name for entry in target.iterdir()}
    if inside and not {MODEL_FILE, REPORT_FILE} <= inside:
        raise ZooError(
            f"{target} exists, is not empty and is not an earlier export, so it is not replaced",
            hint="choose another folder with --to, or empty this one",
        )


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A new folder `.NAME.tmp` beside `target`, removed at the end unless it was moved away.

    Raises ZooError when it cannot be made: a read-only place, a full disk.
    """
    folder = target.with_name(f".{target.name}.tmp")
    with clear_io_errors("cannot write", folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            # What a killed export left behind; nobody else writes under this name.
            shutil.rmtree(folder)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, target: Path) -> None:
    """Put a finished bundle in its place; an earlier export there is replaced."""
    check_target(target)
    replace_folder(folder, target)


def keep_rejected(folder: Path, target: Path) -> Path:
    """Keep a bundle that did not pass as `NAME.rejected`, and return where it is."""
    place = target.with_name(f"{target.name}.rejected")
    replace_folder(folder, place)
    return place
