"""What lies at a path that somebody has typed, and an error that names it where that cannot be told."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TypeAlias

from .files import clear_io_errors

Identity: TypeAlias = "tuple[int, int] | str"
"""Which file it is: its device and number there, or where it would lie while there is none."""

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EBADF}


def identity(path: Path) -> Identity:
    """The same for all names of a file: links are followed, and hard links have one number."""
    found = _status(path)
    # Some file systems number nothing.
    return (found.st_dev, found.st_ino) if found is not None and found.st_ino else os.path.realpath(path)


def is_folder(path: Path) -> bool:
    """Whether a folder lies there. Raises ZooError where nobody can tell: a name too long, or no permission."""
    found = _status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def is_plain(path: Path) -> bool:
    """Whether a plain file lies there. Raises as `is_folder`."""
    found = _status(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_there(path: Path) -> bool:
    """Whether anything lies there, links followed. Raises as `is_folder`."""
    return _status(path) is not None


def _status(path: Path) -> os.stat_result | None:
    with clear_io_errors("cannot look at", path):
        try:
            return path.stat()
        except ValueError:  # a zero byte, or half a character: no file has such a name
            return None
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise
