"""Files of weights that ask for more than any model's weights, or for what cannot exist."""

from __future__ import annotations

import json
from pathlib import Path

import hostile_files as hostile
import pytest

from zoo_core import ZooError
from zoo_core.training import safetensors_header
from zoo_core.training.checkpoint import read_tensors
from zoo_core.training.pickled import read_pth


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}


def with_facts(facts: str) -> bytes:
    return hostile.safetensors(json.dumps({"__metadata__": {"zoo": facts}, "w": entry()}).encode(), bytes(4))


def one(**changes: object) -> bytes:
    return hostile.safetensors(json.dumps({"w": entry(**changes)}).encode(), bytes(4))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_facts("[" * 100_000), "it is nested more than 64 deep"),
        (with_facts('{"epoch": 1' + "0" * 400 + "}"), "has more than 64 bits"),
        (with_facts("[]"), "its facts are a list, not an object"),
        (hostile.safetensors(b"[" * 5_000), "it is nested more than 64 deep"),
        (hostile.safetensors(b"[]"), "its header is no object of at most 100,000 tensors"),
        (hostile.safetensors(b'{"w": 1, "w": 2}'), "the key 'w' appears twice"),
        (hostile.tensor_of_many_dots(600), "has over 1,000 characters"),
        (one(shape=[0, 1 << 39, 1 << 39]), "the tensor 'w' has no shape that can exist"),
        (one(shape=[1] * 33), "the tensor 'w' has no shape that can exist"),
        (one(shape=[-1]), "the tensor 'w' has no shape that can exist"),
        (one(dtype="F4"), "is damaged: "),
        (b"\xff" * 8 + b"{}", "it has 10 bytes, and its header does not end in them"),
        (b"{}", "it has 2 bytes, and its header does not end in them"),
    ],
)
def test_headers_that_no_weights_have(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(ZooError, match=r"the weights .*w\.safetensors is damaged: ") as caught:
        read_tensors(path, what="the weights")
    assert words in caught.value.message
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [("MAX_TENSORS", 9, "it has over 9 tensors"), ("MAX_SAFETENSORS_HEADER", 20, "its header has over 0 MB")],
)
def test_too_much_of_it_is_not_parsed(
    limit: str, value: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors_header, limit, value)
    path = tmp_path / "w.safetensors"
    path.write_bytes(hostile.empty_tensors(10))
    with pytest.raises(ZooError, match=words):
        read_tensors(path, what="the weights")


@pytest.mark.parametrize("content", [b"", b"\x80\x02.", b"0", b"(lp0\n.", b"\x80\x02e."])
def test_a_damaged_pickle_is_no_bug_of_ours(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(ZooError) as caught:
        read_pth(path, mend="fetch it again")
    assert caught.value.exit_code in {1, 4}
    assert str(path) in caught.value.message
