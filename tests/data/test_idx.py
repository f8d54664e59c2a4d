"""The IDX reader: every type and rank, and a precise word for every damaged file."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from zoo_core import ZooError
from zoo_core.data import idx, idx_bytes, read_idx
from zoo_core.errors import RefusedFileError

PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def test_bytes_written_by_hand() -> None:
    content = b"\0\0\x08\x03" + struct.pack(">3I", 2, 3, 4) + bytes(range(24))
    assert (read_idx(content) == PICTURES).all()
    assert read_idx(content).dtype == np.uint8
    assert idx_bytes(PICTURES) == content


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 1, 3, 2), (0, 4)])
def test_what_is_written_is_read(tmp_path: Path, dtype: str, compressed: bool, shape: tuple[int, ...]) -> None:
    array = (np.random.default_rng(1).normal(size=shape) * 50).astype(dtype)
    path = tmp_path / "some-file"
    path.write_bytes(idx_bytes(array, compressed=compressed))
    again = read_idx(path)
    assert again.dtype == array.dtype
    assert again.shape == shape
    assert (again == array).all()


def test_the_same_array_gives_the_same_gzip() -> None:
    content = idx_bytes(PICTURES, compressed=True)
    assert content == idx_bytes(PICTURES.copy(), compressed=True)
    assert content[4:8] == b"\0\0\0\0"  # no date


def test_types_that_idx_does_not_have() -> None:
    with pytest.raises(ZooError, match=re.escape("IDX cannot hold int64 of shape (3,)")):
        idx_bytes(np.arange(3, dtype=np.int64))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is truncated: 0 bytes"),
        (idx_bytes(PICTURES)[:3], "is truncated: 3 bytes"),
        (idx_bytes(PICTURES)[:10], "is truncated in its header: 3 dimensions are announced"),
        (idx_bytes(PICTURES)[:-1], "is truncated: shape (2, 3, 4) needs 24 bytes of data, but there are 23"),
        (idx_bytes(PICTURES) + b"x", "is damaged: shape (2, 3, 4) needs 24 bytes of data, but there are more"),
        (gzip.compress(idx_bytes(PICTURES)[:-5], mtime=0), "needs 24 bytes of data, but there are 19"),
        (gzip.compress(idx_bytes(PICTURES) + b"xy", mtime=0), "needs 24 bytes of data, but there are more"),
        (gzip.compress(idx_bytes(PICTURES), mtime=0)[:-12], "is truncated: the gzip stream ends too early"),
        (b"\x1f\x8b\x07garbage", "is damaged: Unknown compression method"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        read_idx(path)
    assert caught.value.message.startswith(str(path))
    assert caught.value.hint == "fetch the file again"
    assert caught.value.exit_code == 1


def test_a_wrong_checksum() -> None:
    content = bytearray(gzip.compress(idx_bytes(PICTURES), mtime=0))
    content[-6] ^= 255
    with pytest.raises(ZooError, match="labels is damaged: CRC check failed"):
        read_idx(bytes(content), name="labels")


@pytest.mark.parametrize("content", [b"PK\x03\x04....", b"<html></html>", b"\0\0\x07\x01\0\0\0\0", b"\0\0\x08\0"])
def test_other_formats_are_refused(content: bytes) -> None:
    with pytest.raises(RefusedFileError, match="thing is not an IDX file: it starts with") as caught:
        read_idx(content, name="thing")
    assert caught.value.exit_code == 4


def test_a_header_that_announces_too_much_takes_no_memory() -> None:
    with pytest.raises(RefusedFileError, match="more than the 8,589,934,592 that are read of it"):
        read_idx(b"\0\0\x0e\x03" + b"\xff" * 12)
    with pytest.raises(ZooError, match="needs 8,589,934,592 bytes of data, but there are 2"):
        read_idx(b"\0\0\x08\x02" + struct.pack(">2I", 2**31, 4) + b"ab")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot read .*nothing: No such file"):
        read_idx(tmp_path / "nothing")


@pytest.mark.parametrize("count", [33, 255])
def test_more_dimensions_than_an_array_has(count: int) -> None:
    with pytest.raises(RefusedFileError, match=f"x announces {count} dimensions, and 32 is the most"):
        read_idx(bytes([0, 0, 8, count]) + struct.pack(">I", 1) * count + b"1", name="x")


def test_a_size_of_0_hides_no_others() -> None:
    with pytest.raises(RefusedFileError, match="more than the 8,589,934,592 that are read of it"):
        read_idx(bytes([0, 0, 8, 4]) + struct.pack(">4I", 0, *[2**32 - 1] * 3), name="x")


def test_a_gzip_that_unpacks_to_far_more_than_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MAX_SMALL_UNPACKED_BYTES", 1 << 20)
    content = idx_bytes(np.zeros(1 << 21, np.uint8), compressed=True)
    with pytest.raises(RefusedFileError, match=r"x announces 2,097,152 bytes of shape \(2097152,\)"):
        read_idx(content, name="x")
    assert read_idx(idx_bytes(np.zeros(1 << 20, np.uint8), compressed=True)).size == 1 << 20
