"""Archives whose headers cost more than their members."""

from __future__ import annotations

import tarfile
from pathlib import Path

import hostile_files as hostile
import pytest

from zoo_core.data import read_members, unpack
from zoo_core.errors import RefusedFileError

LONG = hostile.tar_header("x", size=1 << 17, kind=tarfile.GNUTYPE_LONGNAME) + bytes(1 << 17)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (hostile.tar_of_pax_headers(400), "it holds a header of a size that no archive needs"),
        (LONG + hostile.tar_of_members(1), "it holds a header of a size that no archive needs"),
        (hostile.tar_of_chained_headers(9), "it holds headers about headers"),
        (hostile.tar_of_sparse_map(2), "it holds a file with holes in it, which no data set needs"),
        (hostile.tar_header("a", size=0, kind=b"S") + bytes(1536), "it holds a file with holes in it"),
    ],
    ids=["shared header", "long name", "chain", "holes of pax", "holes of GNU"],
)
def test_headers_that_no_archive_needs(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    for read in (lambda: read_members(path, ["a"], most_bytes=9), lambda: unpack(path, top="top")):
        with pytest.raises(RefusedFileError, match=r"a\.tar was refused: it holds ") as caught:
            read()
        assert words in caught.value.message
    assert [left.name for left in tmp_path.iterdir()] == ["a.tar"]


def test_names_that_need_a_header_of_their_own(tmp_path: Path) -> None:
    name = "top/" + "é" * 200
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        path = tmp_path / f"{form}.tar"
        with tarfile.open(path, "w", format=form, pax_headers={"comment": "0" * 40}) as tar:
            for _ in range(20):
                tar.addfile(tarfile.TarInfo(name))
        assert read_members(path, [name], most_bytes=9) == {name: b""}


def test_what_is_not_wanted_counts_too(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(hostile.tar_header("other", size=(8 << 30) + 1, kind=b"0"))
    with pytest.raises(RefusedFileError, match="over 8 GiB or over a million files"):
        read_members(path, ["a"], most_bytes=9)
