"""Downloads over real HTTP on loopback: the right bytes or nothing, mirrors, and a clear word without a network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from zoo_core import ZooError
from zoo_core.data import RemoteFile, fetch

CONTENT = bytes(range(251)) * 12_000
FILE = RemoteFile(name="data.bin", sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
NOBODY = "http://127.0.0.1:9/"


def test_the_right_bytes_arrive_and_are_not_fetched_twice(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "data.bin").write_bytes(CONTENT)
    path = fetch(FILE, mirrors=[address], folder=tmp_path / "new" / "folder", dataset="some")
    assert path == tmp_path / "new" / "folder" / "data.bin"
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["data.bin"]
    assert fetch(FILE, mirrors=[NOBODY], folder=path.parent, dataset="some") == path


def test_the_next_mirror_helps(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "data.bin").write_bytes(CONTENT)
    path = fetch(FILE, mirrors=[NOBODY, address + "missing/", address], folder=tmp_path, dataset="some")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "content",
    [CONTENT[:-1] + b"x", CONTENT[:100], CONTENT + b"more", b""],
    ids=["changed", "short", "long", "empty"],
)
def test_other_bytes_are_an_error_and_leave_nothing(served: tuple[Path, str], tmp_path: Path, content: bytes) -> None:
    folder, address = served
    (folder / "data.bin").write_bytes(content)
    with pytest.raises(ZooError, match="what came is not the file: its size or sha256 differs") as caught:
        fetch(FILE, mirrors=[address], folder=tmp_path / "data", dataset="some")
    assert f"{address}data.bin" in caught.value.message
    assert caught.value.exit_code == 1
    assert list((tmp_path / "data").iterdir()) == []


def test_a_server_that_sends_without_end_is_left(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    with pytest.raises(ZooError, match="its size or sha256 differs"):
        fetch(FILE, mirrors=[f"{address}endless/"], folder=tmp_path / "data", dataset="some")
    assert list(folder.iterdir()) == []
    assert list((tmp_path / "data").iterdir()) == []


def test_what_every_mirror_said_is_told(served: tuple[Path, str], tmp_path: Path) -> None:
    _, address = served
    with pytest.raises(ZooError, match=r"cannot download data\.bin of dataset some") as caught:
        fetch(FILE, mirrors=[NOBODY, address], folder=tmp_path / "data", dataset="some")
    assert f"{NOBODY}data.bin: no connection" in caught.value.message
    assert f"{address}data.bin: the server answered 404" in caught.value.message
    assert "-d root=DIR" in str(caught.value.hint)
    assert list((tmp_path / "data").iterdir()) == []


def test_another_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"mine")
    with pytest.raises(ZooError, match="is not the file that dataset some needs"):
        fetch(FILE, mirrors=[NOBODY], folder=tmp_path, dataset="some")
    assert (tmp_path / "data.bin").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match=r"cannot write .*file/data"):
        fetch(FILE, mirrors=[NOBODY], folder=tmp_path / "file" / "data", dataset="some")
