"""A file whose labels or settings were edited after its export gives no answers, and nobody passes it on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from PIL import Image
from warm import Result

from zoo_core.errors import RefusedFileError
from zoo_core.files import sha256_of
from zoo_core.runtime import open_model

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
TOLD = "was refused (edited): its labels, preprocessing, settings or other words are not those of the export"


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    model = onnx.load(path)
    entry = next(entry for entry in model.metadata_props if entry.key == "zoo")
    said = json.loads(entry.value)
    change(said)
    entry.value = json.dumps(said)
    onnx.save(model, path)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The sample with its labels reversed and its seal as it was, and a report whose hash was brought up to date."""
    folder = tmp_path / "exported" / "edited"
    shutil.copytree(SAMPLE, folder)
    edit(folder / "model.onnx", lambda said: said["labels"].reverse())
    report = json.loads((folder / "report.json").read_text())
    report["files"]["model.onnx"] = sha256_of(folder / "model.onnx")
    (folder / "report.json").write_text(json.dumps(report))
    Image.new("L", (28, 28), 200).save(tmp_path / "a.png")
    return folder


COMMANDS = {
    "predict": ("predict", "edited", "a.png"),
    "eval": ("eval", "edited"),
    "info": ("info", "edited"),
    "bench": ("bench", "edited", "--batch", 1),
    "package": ("package", "edited", "--for", "triton", "--to", "packed"),
    "sign": ("sign", "edited", "--key", "key.pem"),
    "push": ("push", "edited", "oci://127.0.0.1:1/a/b:1"),
    "quantize": ("quantize", "edited"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_uses_it(command: str, bundle: Path, zoo_here: Zoo) -> None:
    done = zoo_here(*COMMANDS[command])
    assert (done.code, TOLD in done.stderr) == (4, True), done.stderr
    assert "Hint: get the file again" in done.stderr


def test_no_server_serves_it(bundle: Path, run_zoo: Zoo) -> None:
    done = run_zoo("serve", "edited", "--port", 0, timeout=60)
    assert (done.code, TOLD in done.stderr) == (4, True), done.stderr


def test_a_site_says_so_in_its_row(bundle: Path, zoo_here: Zoo) -> None:
    done = zoo_here("site", "edited", "--to", "site")
    assert (done.code, TOLD in done.stderr) == (4, True), done.stderr


def test_python_does_not_open_it(bundle: Path) -> None:
    with pytest.raises(RefusedFileError, match="their seal does not fit"):
        open_model(bundle)
    open_model(bundle, edited=True).close()  # who compares


def test_verify_and_diff_show_what_it_is(bundle: Path, zoo_here: Zoo) -> None:
    checked = zoo_here("verify", "edited")
    assert (checked.code, "metadata" in checked.stdout) == (3, True)
    compared = zoo_here("diff", "edited", SAMPLE)
    assert (compared.code, "labels[0]  9  0" in compared.stdout) == (1, True), compared.stdout
    assert "0 of 5 decisions flip" in compared.stdout


def test_a_file_without_a_seal_is_as_before(bundle: Path) -> None:
    edit(bundle / "model.onnx", lambda said: said["self_test"].pop("seal"))
    with pytest.warns(match="the file has changed since it was checked"):
        open_model(bundle).close()
