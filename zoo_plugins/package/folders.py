"""A folder that takes its place whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo_core import UsageError
from zoo_core.commands import clear_io_errors
from zoo_core.data import plain_file

_PIECE = 1 << 20


def check_free(target: Path) -> None:
    """Raise UsageError where something is in the way: nothing of anybody's is written over."""
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} is there already", hint="choose another --to, or remove it")


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block ends well, and is removed when it does not."""
    check_free(target)
    with clear_io_errors("cannot write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:48]}."))
        try:
            yield being_made
            being_made.chmod(0o755)
            if target.is_dir():
                target.rmdir()
            being_made.rename(target)
        except BaseException:
            shutil.rmtree(being_made, ignore_errors=True)
            raise


def pieces_of(path: Path, *, most: int = 64 << 30, within: Path | None = None) -> Iterator[bytes]:
    """The content of a file, some of it at a time. Raises as `plain_file`."""
    with plain_file(path, most=most, within=within) as file:
        while piece := file.read(_PIECE):
            yield piece


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file of a folder that is being made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
