"""Archives of data sets: tar, compressed in every way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
from functools import cache
from pathlib import Path
from typing import Literal

import hostile_files as hostile
from hypothesis import strategies as st
from mutations import changed_bytes

from zoo_core.data import read_members, unpack

from .reader import Reader, damaged


@st.composite
def _tar(draw: st.DrawFn) -> bytes:
    kinds = st.sampled_from((*b"0125679gxLKSX", 0))
    names = st.sampled_from(
        ("top/a", "top", "./top/b", "../x", "/abs", "top/../../x", "a" * 99, "top/é", "", "top/c/d")
    )
    records = st.sampled_from(
        (
            *(b"11 path=a0\n", b"13 size=99x\n", b"9 size=9\n", b"25 size=99999999999999999\n", b"12 mtime=nan\n"),
            *(b"0 =\n", b"99 path=a\n", b"17 path=../../x\n", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"),
            *(b"25 GNU.sparse.map=0,1,2,\n", b"23 GNU.sparse.size=abc\n", b"18 hdrcharset=BINARY\n", b"\xff" * 30),
        )
    )
    parts = []
    for _ in range(draw(st.integers(0, 5))):
        content = draw(st.one_of(records, st.binary(max_size=40)))
        size = draw(st.sampled_from((len(content), len(content), len(content), 0, 2**33 - 1)))
        head = bytearray(hostile.tar_header(draw(names), size=size, kind=bytes([draw(kinds)])))
        if draw(st.integers(0, 4)) == 0:
            place = draw(st.integers(100, 340))
            head[place : place + 12] = draw(
                st.sampled_from((b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"9" * 12))
            )
            head[148:156] = b" " * 8
            head[148:156] = b"%06o\0 " % sum(head)
        parts.append(bytes(head) + hostile.padded(content))
    whole = b"".join(parts) + bytes(1024)
    return draw(st.sampled_from((bytes, gzip.compress, bz2.compress, lzma.compress)))(whole)


@cache
def _tar_file(mode: Literal["w:gz", "w:bz2", "w:xz"]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("top/" + "a" * 120 + "é")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return content.getvalue()


def _archive(path: Path) -> None:
    read_members(path, ["top/a", "none"], most_bytes=100)
    shutil.rmtree(unpack(path, top="top"))


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        "tar, headers": Reader(file="a.tar.gz", content=_tar(), read=_archive),
        "tar, bytes": Reader(
            file="a.tar.gz",
            content=damaged([_tar_file("w:gz"), _tar_file("w:bz2"), _tar_file("w:xz")], changed_bytes),
            read=_archive,
        ),
    }
