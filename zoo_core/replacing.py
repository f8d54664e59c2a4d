"""Folders that are built beside their place and change places with what stood there: nothing is ever missing.

The names beside `NAME` are `.NAME.tmp`, which is being built or removed, `.NAME.old`, a whole folder that waits to be
put back, and `.NAME.lock`. Only who holds the lock touches the other two.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from .files import clear_io_errors
from .locks import held, take_lock

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
"""What a kernel, a file system or a sandbox says that does not know how to exchange two names."""


@contextlib.contextmanager
def building(target: Path, *, busy: Exception) -> Iterator[Path]:
    """An empty folder `.NAME.tmp` beside `target`, held for this process, and removed at the end unless moved away.

    What a killed process has left there is put back or removed first. Raises ZooError when nothing can be written
    there, and `busy` when another process builds for the same place.
    """
    folder = _beside(target, "tmp")
    with clear_io_errors("cannot write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with settled(target, busy=busy):
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def settled(target: Path, *, busy: Exception) -> Iterator[None]:
    """Hold `target` for this process, once what a killed one has left beside it is put back or removed."""
    with held(_beside(target, "lock"), busy=busy):
        _remove(_beside(target, "tmp"))
        _put_back(_beside(target, "old"), target)
        yield


@contextlib.contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `parent` whose name begins with `prefix`, removed at the end.

    Those that killed processes have left there are removed first. Raises OSError when it cannot be made.
    """
    for left in parent.glob(f"{prefix}*"):
        with _locked_folder(left) as whose:
            if whose == "ours":
                shutil.rmtree(left, ignore_errors=True)
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        with _locked_folder(folder) as whose:
            # Who removes what is left may have been faster than the lock.
            if whose == "another's" or not folder.exists():
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


@contextlib.contextmanager
def _locked_folder(folder: Path) -> Iterator[Literal["ours", "another's", "unknown"]]:
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        yield "unknown"
        return
    try:
        yield take_lock(handle)
    finally:
        os.close(handle)


def recover(target: Path) -> None:
    """Put the folder back that a killed process has moved aside; nothing while a live one is at it."""
    # Who may only read there sees what is there.
    with contextlib.suppress(OSError), settled(target, busy=BlockingIOError()):
        pass


def replace_folder(built: Path, final: Path) -> None:
    """Put the folder `built` in the place of `final`, in one step; what stood there is then at `built`, if anywhere.

    Both are on one file system. Where that cannot exchange two names, the old folder is aside for a moment, from where
    it is put back when the second step fails, or by `recover` when the process is killed.
    """
    with clear_io_errors("cannot write", final):
        if not final.exists():
            built.rename(final)
        elif not _exchange(built, final):
            aside = _beside(final, "old")
            final.rename(aside)
            try:
                built.rename(final)
            except BaseException:
                aside.rename(final)
                raise
            aside.rename(built)


def _exchange(first: Path, second: Path) -> bool:
    """Let two names change places in one step; False where that is not possible."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # another C library than that of GNU
        return False
    if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), str(second))


def _put_back(aside: Path, target: Path) -> None:
    if not aside.exists():
        return
    try:
        aside.rename(target)  # an empty folder is no obstacle
    except OSError:
        # It was replaced. Half removed it must not have the name from which it would be put back.
        rest = _beside(target, "tmp")
        aside.rename(rest)
        _remove(rest)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")
