"""Reading .tar.gz archives that strangers made: some members into memory, or all of them into a folder, safely."""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from zoo_core.errors import RefusedFileError, ZooError, in_words
from zoo_core.file_limits import (
    MAX_ARCHIVE_BYTES,
    MAX_MEMBER_HEADER,
    MAX_MEMBERS,
    MAX_SHARED_HEADER,
    MAX_UNPACKED_BYTES,
)
from zoo_core.files import clear_io_errors, plain_file
from zoo_core.replacing import scratch

_EXTENDED = frozenset(
    (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
)
_MOST_HEADERS = 8
"""Headers about one member: a long name, a long link and other attributes are three."""


def read_members(archive: Path, wanted: Collection[str], *, most_bytes: int) -> dict[str, bytes]:
    """The contents of the wanted members, by their path in the archive; those that are not in it are left out.

    Nothing is written. Raises ZooError for a damaged archive, RefusedFileError for a member over `most_bytes` or one
    that is no plain file.
    """
    found: dict[str, bytes] = {}
    with _opened(archive) as tar:
        for member in _members(tar, archive):
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
    for member in _members(tar, archive):
        if not (member.isreg() or member.isdir()):
            raise RefusedFileError(f"{archive}: {member.name} is neither a file nor a folder")
        if member.name.removeprefix("./").partition("/")[0] != top:
            continue
        try:
            tar.extract(member, place, filter="data")
        except tarfile.FilterError as error:
            raise RefusedFileError(f"{archive} holds a file that must not be written: {error}") from None


def _members(tar: Any, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The members one by one, none of which is kept. Raises RefusedFileError where they are too many or too large."""
    total = count = 0
    while (member := tar.next()) is not None:
        tar.members.clear()  # tarfile keeps them all: half a gigabyte for a million of them
        total, count = total + max(0, member.size), count + 1
        if total > MAX_UNPACKED_BYTES or count > MAX_MEMBERS:
            raise RefusedFileError(f"{archive} holds over 8 GiB or over a million files")
        yield member


class _Header(tarfile.TarInfo):
    """A header whose extensions are bounded: tarfile reads them whole, copies them, and recurses for each."""

    def _proc_member(self, tar: Any) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise _RefusedHeaderError("a file with holes in it, which no data set needs")
        if self.type in _EXTENDED:
            tar.headers_in_a_row += 1
            tar.shared_bytes += self.size if self.type == tarfile.XGLTYPE else 0
        else:
            tar.headers_in_a_row = 0
        if tar.headers_in_a_row and (self.size > MAX_MEMBER_HEADER or tar.shared_bytes > MAX_SHARED_HEADER):
            raise _RefusedHeaderError("a header of a size that no archive needs")
        if tar.headers_in_a_row > _MOST_HEADERS:
            raise _RefusedHeaderError("headers about headers")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member

    def _proc_gnusparse_10(self, *arguments: Any) -> None:
        raise _RefusedHeaderError("a file with holes in it, which no data set needs")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10


class _Archive(tarfile.TarFile):
    """An archive that counts what its headers hold beside the members."""

    tarinfo = _Header
    headers_in_a_row = 0
    shared_bytes = 0


class _RefusedHeaderError(Exception):
    """No error of tarfile's, which it would take for the end of the archive."""


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with clear_io_errors("cannot read", archive):
        try:
            with plain_file(archive, most=MAX_ARCHIVE_BYTES) as file, _Archive.open(fileobj=file, mode="r:*") as tar:
                yield tar
        except _RefusedHeaderError as error:
            raise RefusedFileError(f"{archive} was refused: it holds {error}", hint="pack it again with tar") from None
        except EOFError:
            raise ZooError(f"{archive} is truncated", hint="fetch the file again") from None
        except (tarfile.TarError, zlib.error) as error:
            # Of a file that is none of its kinds, tarfile has a line for each kind.
            reason = "it is not a tar archive" if "\n" in str(error) else error
            raise ZooError(f"{archive} is damaged: {reason}", hint="fetch the file again") from None
        except (ZooError, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 each of Python's unpackers has errors of its own
            raise ZooError(f"{archive} is damaged: {in_words(error)}", hint="fetch the file again") from None
