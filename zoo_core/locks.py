"""Locks between processes: a file beside what it stands for; the operating system lets go of it with its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal


@contextlib.contextmanager
def held(path: Path, *, busy: Exception) -> Iterator[None]:
    """Hold the lock file `path` for this process, and remove it at the end. Raises `busy` when another one holds it,
    and OSError when it cannot be made.

    However the process ends, the lock ends with it. Where a system has no such locks (Windows), nothing is held.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    while True:
        with open(path, "a", opener=_no_link) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise busy from None
            # Who held it before may have removed the file between the two lines above: its name is what counts.
            if not _is_the_file_at(path, file):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def take_lock(handle: int) -> Literal["ours", "another's", "unknown"]:
    """Whose the lock of an open file is now; not known where the system or the file system has none."""
    try:
        import fcntl
    except ImportError:
        return "unknown"
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "another's"
    except OSError:
        return "unknown"
    return "ours"


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _is_the_file_at(path: Path, file: IO[Any]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
