"""Weights in a file of the plugin's package: found, also in a zipped package, checked and read; or a clear word."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from zoo_core import Weights, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.training.pretrained import fetch_weights

TENSORS = {"1.weight": torch.arange(7840.0).reshape(10, 784) / 7840, "1.bias": torch.ones(10)}
SAVED = safetensors.torch.save(TENSORS)
DIGEST = hashlib.sha256(SAVED).hexdigest()

PLUGIN = f"""
from zoo_core import ModelSpec, TensorSpec, Weights, hookimpl

def build(*, num_classes: int = 10):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

@hookimpl
def zoo_models():
    yield ModelSpec(
        name="shipped", build=build, task="image-classification", summary="A model with its weights", license="MIT",
        inputs={{"image": TensorSpec("N", 1, 28, 28)}}, outputs={{"logits": TensorSpec("N", "num_classes")}},
        weights=(Weights(name="digits", file="zoo_shipped:trained/net.safetensors", sha256="{DIGEST}"),),
    )
"""


def pickled(what: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(what, buffer)
    return buffer.getvalue()


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, bytes]], None]:
    """`packed({path: content})` makes the package `zoo_packed` importable, as a zip file."""

    def pack(files: dict[str, bytes]) -> None:
        with zipfile.ZipFile(tmp_path / "packed.whl", "w") as archive:
            archive.writestr("zoo_packed/__init__.py", b"")
            for path, content in files.items():
                archive.writestr(f"zoo_packed/{path}", content)
        monkeypatch.syspath_prepend(tmp_path / "packed.whl")
        monkeypatch.delitem(sys.modules, "zoo_packed", raising=False)

    return pack


def packaged(file: str, sha256: str | None = None) -> Weights:
    return Weights(name="V1", file=file, sha256=sha256)


@pytest.mark.parametrize(("path", "content"), [("net.safetensors", SAVED), ("deep/net.pth", pickled(TENSORS))])
def test_they_are_read_out_of_a_zipped_package(path: str, content: bytes, packed: Callable[..., None]) -> None:
    packed({path: content})
    found = fetch_weights(packaged(f"zoo_packed:{path}", hashlib.sha256(content).hexdigest()), model="some")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_safetensors_need_no_hash(packed: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    packed({"net.safetensors": SAVED})
    assert fetch_weights(packaged("zoo_packed:net.safetensors"), model="some").keys() == TENSORS.keys()
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "sha256", "message"),
    [
        ("zoo_absent:net.safetensors", None, "in the package zoo_absent, which cannot be opened: No module named"),
        ("zoo_packed:other.safetensors", None, "not in the package zoo_packed: it has no file other.safetensors"),
        ("zoo_packed:net.safetensors", "0" * 64, "zoo_packed:net.safetensors is not the file with the weights V1"),
        ("zoo_packed:cut.safetensors", None, "is damaged"),
    ],
)
def test_what_is_wrong_with_them_is_told(
    file: str, sha256: str | None, message: str, packed: Callable[..., None]
) -> None:
    packed({"net.safetensors": SAVED, "cut.safetensors": SAVED[:-3]})
    with pytest.raises(ZooError, match=message):
        fetch_weights(packaged(file, sha256), model="some")


def test_a_pth_that_would_run_code_is_refused(packed: Callable[..., None]) -> None:
    content = pickled(torch.nn.Linear(2, 2))
    packed({"net.pth": content})
    with pytest.raises(RefusedFileError, match="holds more than tensors, and reading it would run code"):
        fetch_weights(packaged("zoo_packed:net.pth", hashlib.sha256(content).hexdigest()), model="some")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Weights 'V1': either url or file is given, and not both"),
        ({"url": "https://example.org/a.pth", "file": "a:b.safetensors"}, "either url or file is given"),
        ({"file": "a/b.safetensors"}, "file is 'package:path.safetensors' or 'package:path.pth', not"),
        ({"file": "a:/b.safetensors"}, "file is 'package:path.safetensors'"),
        ({"file": "a:../b.safetensors"}, "file is 'package:path.safetensors'"),
        ({"file": "a:b/../c.safetensors"}, "file is 'package:path.safetensors'"),
        ({"file": "a:b.bin"}, "file is 'package:path.safetensors'"),
        ({"file": "a:b.pth"}, "Weights 'V1': a .pth needs its sha256"),
    ],
)
def test_what_cannot_be_declared(given: dict[str, str], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        Weights(name="V1", sha256=None, **given)


def test_a_hash_may_be_left_out_of_a_file_in_the_package_and_not_of_an_address() -> None:
    assert Weights(name="V1", file="a:b.safetensors").sha256 is None
    with pytest.raises(ZooError, match="needs its sha256"):
        Weights(name="V1", file="a:b.pth")
    with pytest.raises(ZooError, match="Weights 'V1': sha256 is 64 hexadecimal digits"):
        Weights(name="V1", url="https://example.org/a.safetensors")


def install(fake_distribution: Callable[..., Path], content: bytes) -> None:
    folder = fake_distribution("zoo-shipped", PLUGIN)
    (folder / "trained").mkdir()
    (folder / "trained" / "net.safetensors").write_bytes(content)


def test_a_plugin_that_brings_its_weights(zoo_here: Any, fake_distribution: Callable[..., Path]) -> None:
    install(fake_distribution, SAVED)
    found = zoo_here("info", "shipped", "--json").json["weights_details"][0]
    assert (found["name"], found["url"], found["file"]) == ("digits", None, "zoo_shipped:trained/net.safetensors")
    assert "  digits, in the package: zoo_shipped:trained/net.safetensors" in zoo_here("info", "shipped").stdout
    assert [row["name"] for row in zoo_here("list", "models", "shipped", "--json").json] == ["shipped"]
    checked = zoo_here("check", "model:shipped", "--rule", "packaged-weights-fit", "--json")
    assert [row["rule"] for row in checked.json["passed"]] == ["packaged-weights-fit"]
    report = zoo_here("export", "shipped", "--weights", "DEFAULT", "--json").json
    assert (report["outcome"], report["untrained"]) == ("verified", False)


def test_check_says_what_is_wrong_with_them(zoo_here: Any, fake_distribution: Callable[..., Path]) -> None:
    install(fake_distribution, SAVED[:-1] + b"!")
    (failed,) = zoo_here("check", "model:shipped", "--rule", "packaged-weights-fit", "--json").json["failed"]
    assert "its sha256 differs; install the package with zoo_shipped again" in failed["detail"]
