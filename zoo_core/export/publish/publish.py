"""Publish as a whole: built beside its place, and moved there only when everything is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core import replacing
from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.errors import ZooError
from zoo_core.files import clear_io_errors


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
    with replacing.building(target, busy=_busy(target)) as folder:
        yield folder


def _busy(target: Path) -> ZooError:
    return ZooError(f"another process is exporting to {target}", hint="wait for it, or choose another folder with --to")


def publish(folder: Path, target: Path) -> None:
    """Put a finished bundle in its place; an earlier export there is replaced."""
    check_target(target)
    replacing.replace_folder(folder, target)


def remove_export(target: Path) -> None:
    """Remove the export in the folder `target`, which is gone as a whole or not at all.

    Raises ZooError when another process is exporting to it, or when it cannot be removed.
    """
    check_target(target)
    with building(target) as folder, clear_io_errors("cannot remove", target):
        target.rename(folder / target.name)  # and is removed with it


def keep_rejected(folder: Path, target: Path) -> Path:
    """Keep a bundle that did not pass as `NAME.rejected`, and return where it is."""
    place = target.with_name(f"{target.name}.rejected")
    check_target(place)
    with replacing.settled(place, busy=_busy(place)):
        replacing.replace_folder(folder, place)
    return place
