"""`zoo info` of an export: what goes in, what comes out, where it comes from, and whether it is what was verified."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from number_models import mean_sign
from onnx_files import write_brightness

from zoo_core import Recipe, TensorSpec
from zoo_core.files import sha256_of

RunZoo = Callable[..., Any]
FACTS = {"source": "https://example.org", "license": "MIT", "run": "bright-run", "metrics": {"test accuracy": 0.75}}


@pytest.fixture
def export(here: Path) -> Path:
    dataset = {"name": "digits", "plugin": "zoo-core:digits", "options": {}}
    file = write_brightness(here, dataset=dataset, options={"side": 4}, largest={"N": 64}, **FACTS)
    report = {"outcome": "verified", "files": {"model.onnx": sha256_of(file)}}
    file.with_name("report.json").write_text(json.dumps(report))
    return file.parent


def test_an_export_is_described_by_name_by_path_and_as_a_bare_file(export: Path, run_zoo: RunZoo) -> None:
    named = run_zoo("info", "brightness", "--json").json
    assert named["kind"] == "export"
    assert named["inputs"] == {"image": {"axes": ["N", 1, 4, 4], "dtype": "float32"}}
    assert named["outputs"] == {"logits": {"axes": ["N", 3], "dtype": "float32"}}
    assert named["labels"] == ["dark", "middle", "bright"]
    assert named["files"][:2] == [".png", ".jpg"]
    assert named["preprocess"]["resize"] == [4, 4]
    assert named["bytes"] == (export / "model.onnx").stat().st_size
    assert (named["opset"], named["largest"], named["dataset"]["name"]) == (20, {"N": 64}, "digits")
    assert {key: named[key if key != "source" else "model_source"] for key in FACTS} == FACTS
    assert (named["verified"]["state"], named["verified"]["remark"]) == ("verified", None)
    assert named["verified"]["here"] is not None
    shutil.copy(export / "model.onnx", "bare.onnx")
    for typed in ("export:brightness", "exported/brightness", "exported/brightness/model.onnx", "bare.onnx"):
        assert run_zoo("info", typed, "--json").json["inputs"] == named["inputs"]
    lines = run_zoo("info", "brightness").stdout.splitlines()
    for line in (
        "brightness: brightness, trained on digits",
        "input       image (N, 1, 4, 4) float32",
        "axes        N is free, N up to 64",
        "preprocess  L; resized to 4x4 (bilinear); mean 0.5; std 0.5",
        "output      logits (N, 3) float32",
        "labels      3: dark, middle, bright",
        "model       brightness (zoo-tests:brightness) side=4",
        "run         bright-run",
        "metrics     test accuracy 0.75",
        "license     MIT",
        "Next: zoo predict brightness PICTURE...",
    ):
        assert line in lines


def test_a_name_that_the_catalogue_has_means_its_entry_and_the_export_is_told_of(here: Path, run_zoo: RunZoo) -> None:
    write_brightness(here, name="lenet5")
    done = run_zoo("info", "lenet5")
    assert "kind        model" in done.stdout
    assert "There is an export of this name, too: zoo info export:lenet5" in done.stderr
    assert "kind        export" in run_zoo("info", "export:lenet5").stdout
    assert "kind        export" in run_zoo("info", "exported/lenet5").stdout
    done = run_zoo("info", "export:nothing")
    assert (done.code, "unknown export 'nothing'" in done.stderr) == (2, True)
    done = run_zoo("info", "nothing.onnx")
    assert (done.code, "there is no file nothing.onnx" in done.stderr) == (2, True)
    assert "unknown name 'nothing'" in run_zoo("info", "nothing").stderr


def test_options_of_models_are_refused_for_an_export(export: Path, run_zoo: RunZoo) -> None:
    for more in (("-o", "a=1"), ("--dataset", "digits"), ("-d", "a=1"), ("--statistics",)):
        done = run_zoo("info", "brightness", *more)
        assert (done.code, "brightness is an export: -o, -d and the like" in done.stderr) == (2, True), done.stderr


def test_what_is_not_verified_is_told_and_verified_next(export: Path, run_zoo: RunZoo) -> None:
    (export / "report.json").write_text('{"outcome": "verified", "files": {"model.onnx": "0"}}')
    done = run_zoo("info", "brightness")
    assert "verified    NO: exported/brightness/report.json is about another model.onnx" in done.stdout
    assert "Next: zoo verify brightness" in done.stdout
    shutil.copy(export / "model.onnx", "bare.onnx")
    done = run_zoo("info", "bare.onnx", env={"ZOO_STATE": "elsewhere"})
    assert "verified    not yet on this machine: a bare file, which has no report beside it" in done.stdout
    assert "Next: zoo verify bare.onnx" in done.stdout
    Path("no.onnx").write_bytes(b"\x00\x01")
    assert run_zoo("info", "no.onnx").code == 4


def test_ranges_recipes_and_settings_are_told(here: Path, run_zoo: RunZoo) -> None:
    wave = Recipe("waveform", rate=8000, seconds=0.1)
    spec = {"x": TensorSpec("N", 1, 800, low=-1.0, high=1.0)}
    mean_sign(here, 1, 800, name="waves", recipes={"x": wave}, inputs=spec, task_settings={"threshold": 0.35})
    lines = run_zoo("info", "waves").stdout.splitlines()
    assert "input       x (N, 1, 800) float32, -1.0 to 1.0" in lines
    assert "read from   .wav, .flac, .csv, .parquet" in lines
    assert "settings    threshold 0.35" in lines
    assert any(line.startswith("recipe      x: waveform rate=8000") for line in lines)
    assert "Next: zoo predict waves FILE.wav..." in lines


def test_a_plugin_that_is_gone_keeps_nobody_from_reading_the_rest(here: Path, run_zoo: RunZoo) -> None:
    mean_sign(here, 800, name="odd", task="odd-task", task_plugin="zoo-odd:odd", labels=())
    done = run_zoo("info", "odd")
    assert done.code == 0, done.stderr
    assert "read from   no files: a plugin that it needs is not installed" in done.stdout
    assert run_zoo("info", "odd", "--json").json["files"] is None


def test_it_is_neither_run_nor_is_torch_loaded(export: Path) -> None:
    code = (
        "import sys; sys.argv = ['zoo', 'info', 'brightness']\n"
        "import atexit; atexit.register(lambda: print([n for n in ('torch', 'onnx', 'onnxruntime', 'matplotlib') "
        "if n in sys.modules]))\n"
        "from zoo_core.cli import main; main(watched=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
