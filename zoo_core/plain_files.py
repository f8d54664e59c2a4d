"""The one way to a file that somebody else has made or put there: plain, and of a size that is known before it is read.

A pipe would hang whoever reads it, a link to an endless device would fill the memory, and a link may lead to what
nobody meant to show. So what is opened is looked at first, and again once it is open.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import RefusedFileError, ZooError
from .files import clear_io_errors

MAX_TEXT = 64 << 20
"""Bytes of a file of JSON, of a list of names, and of other text that is read as a whole."""


def read_plain(path: Path, *, what: str, most: int = MAX_TEXT, within: Path | None = None) -> bytes:
    """All bytes of a plain file; raises as `plain_file` does, also for one that grows while it is read."""
    with plain_file(path, what=what, most=most, within=within) as file, clear_io_errors(f"cannot read {what}", path):
        content = file.read(most + 1)
    if len(content) > most:
        raise _too_large(path, len(content), most)
    return content


@contextmanager
def plain_file(path: Path, *, what: str, most: int, within: Path | None = None) -> Iterator[IO[bytes]]:
    """A plain file of at most so many bytes, open for reading; `what` names it for people.

    `within`: a folder that no link on the way may lead out of. Raises ZooError where there is no such file, or it
    cannot be read; RefusedFileError for a pipe, a device or a socket, one that is too large, and a link that leads out.
    """
    with clear_io_errors(f"cannot read {what}", path):
        _require_plain(path, path.stat(), most)
        if within is not None:
            _require_inside(path, within)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        _require_plain(path, os.fstat(handle), most)  # it may have been exchanged in between
        yield file


def _require_plain(path: Path, status: os.stat_result, most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ZooError(f"cannot read {path}: it is a folder", hint="name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFileError(f"{path} was refused (not-a-file): it is a device, pipe or socket")
    if status.st_size > most:
        raise _too_large(path, status.st_size, most)


def _require_inside(path: Path, folder: Path) -> None:
    real, inside = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([real, inside]) != inside:
        raise RefusedFileError(
            f"{path} was refused (link): it leads out of {folder}",
            hint="copy the file itself to where the link is, if you trust it",
        )


def _too_large(path: Path, size: int, most: int) -> RefusedFileError:
    return RefusedFileError(f"{path} was refused (too-large): it has {size:,} bytes, and {most:,} is the most")
