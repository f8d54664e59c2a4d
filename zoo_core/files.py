"""Reading and writing so that nothing is lost or half-written, and every failure says what, where and what to do."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .bounded_json import load_json
from .errors import RefusedFileError, TemporaryFolderError, ZooError
from .file_limits import MAX_HASHED_BYTES, MAX_RECORD_BYTES
from .foreign_text import json_notation
from .locks import take_lock

_TEMPORARY = ".tmp"
_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and try again",
    errno.EFBIG: "files of that size are not allowed there: choose another folder, or raise the limit (ulimit -f)",
    errno.EDQUOT: "the disk quota is used up: free some space and try again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "you have no permission there: choose another folder, or change its permissions",
    errno.EPERM: "you have no permission there: choose another folder, or change its permissions",
    errno.ENOENT: "check the path",
    errno.EEXIST: "a file of that name is in the way: choose another place",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "this is a folder, not a file",
    errno.ENAMETOOLONG: "a name has 255 bytes at most, and a path 4,096: check it, or choose a shorter one",
    errno.ELOOP: "links lead round in a circle: remove them, or name the file itself",
}

CHOOSE_ANOTHER = "free some space there, or choose another folder: TMPDIR=DIR"
"""What to do about a temporary folder."""


@contextlib.contextmanager
def clear_io_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a ZooError that names `path`; `doing` is for example "cannot write"."""
    try:
        yield
    except OSError as error:
        raise io_error(doing, path, error) from error


def io_error(doing: str, path: object, error: OSError) -> ZooError:
    """What `clear_io_errors` makes of an OSError."""
    reason = error.strerror or str(error)
    return ZooError(f"{doing} {path}: {reason}", hint=_HINTS.get(error.errno or 0))


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder for as long as the block runs. Raises TemporaryFolderError if none can be made, or has no room left."""
    try:
        held = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    except OSError as error:
        text = f"no temporary folder can be made: {error.strerror or error}"
        raise TemporaryFolderError(text, hint=CHOOSE_ANOTHER) from error
    with held as name:
        folder = Path(name)
        try:
            yield folder
        except (OSError, ZooError) as error:
            if not _is_of(error, folder):
                raise
            cause = error if isinstance(error, OSError) else error.__cause__
            text = f"cannot write to the temporary folder {folder.parent}: {getattr(cause, 'strerror', None) or cause}"
            raise TemporaryFolderError(text, hint=CHOOSE_ANOTHER) from error


def _is_of(error: OSError | ZooError, folder: Path) -> bool:
    if isinstance(error, ZooError):
        return isinstance(error.__cause__, OSError) and str(folder) in error.message
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if names:
        return any(folder in Path(name).parents for name in names)
    # Numpy tells of a write that was cut short without a number.
    return error.errno in {None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file whole or not at all, see `written_whole`."""
    with written_whole(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into that takes its place whole or not at all: a temporary file beside it, fsync, rename.

    Makes the parent folder. What a killed process leaves of it, `remove_abandoned` finds.
    """
    with clear_io_errors("cannot write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _new_file(path)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _new_file(path: Path) -> tuple[int, str]:
    while True:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:48]}.", suffix=_TEMPORARY)
        # Who removes abandoned files may have been faster than the lock that says that this one is not.
        if take_lock(handle) != "another's" and os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)


def keep_before(path: Path, kept: Path) -> None:
    """Let the file `path`, which is about to be replaced, be `kept` too; where there is none, nothing is done.

    At every moment one of the two is there and whole.
    """
    temporary = kept.with_name(f".{kept.name[:48]}.link{_TEMPORARY}")
    try:
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
        os.replace(temporary, kept)
        temporary.unlink(missing_ok=True)  # which stays where both are the same file already
    except FileNotFoundError:
        return
    except OSError:  # a file system without links
        with clear_io_errors("cannot write", kept):
            os.replace(path, kept)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of `written_whole` in `folder` whose processes are gone; those of others stay."""
    no_link = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    for path in folder.glob(f".*{_TEMPORARY}"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR | no_link)
            try:
                if take_lock(handle) == "ours":
                    path.unlink()
            finally:
                os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def json_text(data: Any) -> str:
    """JSON as the zoo writes it: two spaces, visible characters as they are, a final newline, NaN refused."""
    return json_notation(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


@contextlib.contextmanager
def plain_file(
    path: Path, *, most: int, what: str = "", within: Path | None = None, too_large: ZooError | None = None
) -> Iterator[io.BufferedReader]:
    """A file that somebody else has made or put there, open for reading: plain, and of at most so many bytes.

    A pipe would hang whoever reads it, a link to an endless device would fill the memory, and a link may lead to what
    nobody meant to show. `what` names the file for people; `within` is a folder that no link on the way may lead out
    of. Raises ZooError where there is no such file or it cannot be read; RefusedFileError for a pipe, a device or a
    socket, and a link that leads out; `too_large`, or else RefusedFileError, for one that has more bytes.
    """
    too_large = too_large or RefusedFileError(
        f"{what} {path} was refused (too-large): it has over {most:,} bytes".lstrip(), hint="replace the file"
    )
    with clear_io_errors(f"cannot read {what}".rstrip(), path):
        _require_plain(path, _status(path), most, too_large)
        if within is not None:
            require_inside(path, within)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        _require_plain(path, os.fstat(handle), most, too_large)  # it may have been exchanged in between
        yield file


def read_plain(
    path: Path, *, most: int, what: str = "", within: Path | None = None, too_large: ZooError | None = None
) -> bytes:
    """All bytes of a plain file; raises as `plain_file` does. What is added to it while it is read is left out."""
    with (
        plain_file(path, most=most, what=what, within=within, too_large=too_large) as file,
        clear_io_errors(f"cannot read {what}".rstrip(), path),
    ):
        # No more room than the file needs: room for the largest takes longer than reading most of them.
        return file.read(os.fstat(file.fileno()).st_size)


def require_inside(path: Path, folder: Path) -> None:
    """Raises RefusedFileError where a link on the way to `path` leads out of `folder`."""
    real, inside = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([real, inside]) != inside:
        raise RefusedFileError(
            f"{path} was refused (link): it leads out of {folder}",
            hint="put the file itself there, if you trust it",
        )


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # a zero byte, or half a character
        raise ZooError(f"{str(path)!r} cannot be a path: {error}") from None


def _require_plain(path: Path, status: os.stat_result, most: int, too_large: ZooError) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFileError(f"{path} was refused (not-a-file): it is a device, pipe or socket")
    if status.st_size > most:
        raise too_large


_DAMAGED = "fetch it again from where it came, or make anew what it belongs to"


def read_json(path: Path, *, what: str, within: Path | None = None) -> dict[str, Any]:
    """The JSON object in `path`. Raises ZooError when it is missing or damaged, and as `plain_file`."""
    too_large = ZooError(f"{what} {path} is not read: it has over {MAX_RECORD_BYTES >> 20} MB", hint="replace it")
    content = read_plain(path, most=MAX_RECORD_BYTES, what=what, within=within, too_large=too_large)
    try:
        data = load_json(content)
    except ValueError as error:
        raise ZooError(f"{what} {path} is damaged: {error}", hint=_DAMAGED) from None
    if not isinstance(data, dict):
        raise ZooError(f"{what} {path} is damaged: it holds a {type(data).__name__}, not an object", hint=_DAMAGED)
    return data


def sha256_of(path: Path, *, most: int = MAX_HASHED_BYTES, within: Path | None = None) -> str:
    """The sha256 of a plain file's bytes, in hexadecimal, read in pieces. Raises as `plain_file`."""
    with plain_file(path, most=most, within=within) as file, clear_io_errors("cannot read", path):
        return hashlib.file_digest(file, "sha256").hexdigest()
