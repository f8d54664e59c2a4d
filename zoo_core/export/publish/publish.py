"""Publish as a whole: built beside its place, and moved there only when everything is in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors, replace_folder
from zoo_core.shelf import MODEL_FILE, REPORT_FILE


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
    """An empty folder `.NAME.tmp` beside `target`, held for this process, and removed at the end unless moved away.

    Raises ZooError when it cannot be made (a read-only place, a full disk), or when another process exports there.
    """
    folder = target.with_name(f".{target.name}.tmp")
    with clear_io_errors("cannot write", folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _held(folder, target):
            for entry in folder.iterdir():  # what a killed export left behind
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path, target: Path) -> Iterator[None]:
    """Hold a folder for this process; the operating system lets go of it however the process ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its owner may have moved it away between our two calls.
            held = os.path.samestat(os.fstat(handle), folder.stat())
        except (BlockingIOError, FileNotFoundError):
            held = False
        if not held:
            raise ZooError(
                f"another process is exporting to {target}", hint="wait for it, or choose another folder with --to"
            )
        yield
    finally:
        os.close(handle)


def publish(folder: Path, target: Path) -> None:
    """Put a finished bundle in its place; an earlier export there is replaced."""
    check_target(target)
    replace_folder(folder, target)


def remove_export(target: Path) -> None:
    """Remove the export in the folder `target`, which is gone as a whole or not at all.

    Raises ZooError when another process is exporting to it, or when it cannot be removed.
    """
    check_target(target)
    with building(target) as folder, clear_io_errors("cannot remove", target):
        aside = folder / target.name
        target.rename(aside)
        shutil.rmtree(aside)


def keep_rejected(folder: Path, target: Path) -> Path:
    """Keep a bundle that did not pass as `NAME.rejected`, and return where it is."""
    place = target.with_name(f"{target.name}.rejected")
    check_target(place)
    replace_folder(folder, place)
    return place
