"""Reading .tar.gz archives that strangers made: some members into memory, or all of them into a folder, safely."""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.files import clear_io_errors
from zoo_core.replacing import scratch

_MOST_BYTES = 8 * 2**30
_MOST_MEMBERS = 1_000_000


def read_members(archive: Path, wanted: Collection[str], *, most_bytes: int) -> dict[str, bytes]:
    """The contents of the wanted members, by their path in the archive; those that are not in it are left out.

    Nothing is written. Raises ZooError for a damaged archive, RefusedFileError for a member over `most_bytes` or one
    that is no plain file.
    """
    found: dict[str, bytes] = {}
    with _opened(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name not in wanted:
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.size > most_bytes:
                raise RefusedFileError(f"{archive}: {name} is not a plain file of at most {most_bytes:,} bytes")
            found[name] = content.read()
            if len(found) == len(wanted):
                break
    return found


def unpack(archive: Path, *, top: str) -> Path:
    """The folder `top` of the archive, unpacked beside it: whole or not at all.

    Only plain files and folders below `top` are written, as Python's "data" filter allows. Raises ZooError for a
    damaged archive or one without `top`, RefusedFileError for a member that would land elsewhere, and over 8 GiB.
    """
    final = archive.parent / top
    with contextlib.ExitStack() as entered:
        with clear_io_errors("cannot write", final):
            place = entered.enter_context(scratch(archive.parent, f".{top}.unpacking-"))
        with _opened(archive) as tar:
            _extract(tar, archive, top, place)
        if not (place / top).is_dir():
            raise ZooError(f"{archive} has no folder {top}", hint="fetch the file again")
        with clear_io_errors("cannot write", final):
            (place / top).rename(final)
    return final


def _extract(tar: tarfile.TarFile, archive: Path, top: str, place: Path) -> None:
    total = 0
    for count, member in enumerate(tar):
        if not (member.isreg() or member.isdir()):
            raise RefusedFileError(f"{archive}: {member.name} is neither a file nor a folder")
        total += member.size
        if total > _MOST_BYTES or count >= _MOST_MEMBERS:
            raise RefusedFileError(f"{archive} holds over 8 GiB or over a million files")
        if member.name.removeprefix("./").partition("/")[0] != top:
            continue
        try:
            tar.extract(member, place, filter="data")
        except tarfile.FilterError as error:
            raise RefusedFileError(f"{archive} holds a file that must not be written: {error}") from None


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with clear_io_errors("cannot read", archive):
        try:
            with tarfile.open(archive, "r:*") as tar:
                yield tar
        except EOFError:
            raise ZooError(f"{archive} is truncated", hint="fetch the file again") from None
        except (tarfile.TarError, zlib.error) as error:
            # Of a file that is none of its kinds, tarfile has a line for each kind.
            reason = "it is not a tar archive" if "\n" in str(error) else error
            raise ZooError(f"{archive} is damaged: {reason}", hint="fetch the file again") from None
