"""What lies where a file is expected: a pipe, an endless device, a file of terabytes, a link that leads out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_files import write_brightness
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")

Zoo = Callable[..., Any]
TERABYTES = 2 << 40
ENDLESS = Path("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to(ENDLESS)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TERABYTES)


INSTEAD: dict[str, Callable[[Path], None]] = {"a pipe": pipe, "an endless device": endless, "2 TB": sparse}


def put(path: Path, instead: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    INSTEAD[instead](path)
    return path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = write_brightness(tmp_path).parent
    (folder / "report.json").write_text(json.dumps({"files": {"model.onnx": "0" * 64}}))
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("L", (4, 4), 200).save(path)
    return path


@pytest.mark.parametrize("instead", INSTEAD)
@pytest.mark.parametrize("verb", ["verify", "predict", "list"])
def test_a_model_is_a_plain_file(verb: str, instead: str, export: Path, picture: Path, run_zoo: Zoo) -> None:
    put(export / "model.onnx", instead)
    words = {"verify": [export], "predict": [export, picture], "list": ["exports"]}[verb]
    done = run_zoo(verb, *words, timeout=60)
    assert done.code in ({0} if verb == "list" else {2, 4}), done.stderr


@pytest.mark.parametrize("instead", INSTEAD)
def test_a_report_is_a_plain_file(instead: str, export: Path, picture: Path, run_zoo: Zoo) -> None:
    put(export / "report.json", instead)
    done = run_zoo("verify", export, timeout=60)
    assert done.code in {1, 4}
    assert "report.json" in done.stderr
    assert run_zoo("list", "exports", timeout=60).code == 0
    assert run_zoo("predict", export, picture, timeout=60).code == 0


@pytest.mark.parametrize("instead", INSTEAD)
def test_test_vectors_are_plain_files(instead: str, workplace: Path, tmp_path: Path, run_zoo: Zoo) -> None:
    export = shutil.copytree(workplace / "exported" / "lenet5-digits", tmp_path / "lenet5-digits")
    put(export / "test_data_set_0" / "input_0.pb", instead)
    done = run_zoo("verify", export, timeout=100)
    assert done.code == 3, done.stderr
    assert "input_0.pb" in done.stdout or "the files of this export have" in done.stdout


@pytest.mark.parametrize("instead", INSTEAD)
@pytest.mark.parametrize("name", ["b.png", "b.npy"])
def test_an_input_is_a_plain_file(name: str, instead: str, export: Path, picture: Path, run_zoo: Zoo) -> None:
    path = put(picture.with_name(name), instead)
    done = run_zoo("predict", export, picture, path, "--json", timeout=60)
    assert done.code == 1
    assert "label" in done.json[0]
    assert "error" in done.json[1]


@pytest.mark.parametrize("instead", INSTEAD)
def test_a_record_of_a_run_is_a_plain_file(instead: str, tmp_path: Path, run_zoo: Zoo) -> None:
    for name in ("run.json", "metrics.jsonl", "weights.safetensors"):
        put(tmp_path / "runs" / "odd" / name, instead)
    assert run_zoo("list", "runs", timeout=60).code == 0
    assert run_zoo("eval", "runs/odd", timeout=60).code in {1, 2, 4}


@pytest.mark.parametrize("instead", INSTEAD)
def test_pictures_of_a_dataset_are_plain_files(instead: str, tmp_path: Path, run_zoo: Zoo) -> None:
    noise = np.random.default_rng(0)
    for label in ("cat", "dog"):
        folder = tmp_path / "pictures" / label
        folder.mkdir(parents=True)
        for number in range(12):
            Image.fromarray(noise.integers(0, 255, (28, 28), np.uint8)).save(folder / f"{number}.png")
    put(tmp_path / "pictures" / "dog" / "odd.png", instead)
    words = ("train", "lenet5", "--dataset", "image-folder", "-d", "root=pictures", "-d", "size=32", "--epochs", "1")
    done = run_zoo(*words, timeout=100)
    assert done.code in {0, 1, 4}
    if done.code:
        assert "odd.png" in done.stderr
        assert run_zoo(*words, "-d", "skip_bad=true", timeout=100).code == 0


@pytest.mark.parametrize("instead", INSTEAD)
def test_weights_are_plain_files(instead: str, tmp_path: Path, run_zoo: Zoo) -> None:
    for name in ("w.safetensors", "w.pth"):
        path = put(tmp_path / name, instead)
        done = run_zoo("train", "lenet5", "--dataset", "digits", "--epochs", "1", "--init-from", path, timeout=100)
        assert done.code in {1, 4}, done.stderr
        assert name in done.stderr


@pytest.mark.parametrize("name", ["model.onnx", "report.json", "netron.json"])
def test_no_link_leads_out_of_an_export(name: str, workplace: Path, tmp_path: Path, run_zoo: Zoo) -> None:
    export = shutil.copytree(workplace / "exported" / "lenet5-digits", tmp_path / "lenet5-digits")
    outside = (export / name).rename(tmp_path / name)
    (export / name).symlink_to(outside)
    done = run_zoo("verify", export, timeout=100)
    assert done.code == (3 if name == "netron.json" else 4), done.stderr
    assert "it leads out of" in done.stderr + done.stdout
    if name != "report.json":
        seen = run_zoo("view", export, "--no-browser", timeout=100)
        assert seen.code == 4
        assert "it leads out of" in seen.stderr


def test_a_link_that_somebody_names_is_followed(export: Path, picture: Path, tmp_path: Path, run_zoo: Zoo) -> None:
    (tmp_path / "mine.onnx").symlink_to(export / "model.onnx")
    (tmp_path / "mine.png").symlink_to(picture)
    assert run_zoo("predict", "mine.onnx", "mine.png").code == 0


def test_what_lies_in_the_place_of_a_model_is_named(export: Path, picture: Path, run_zoo: Zoo) -> None:
    put(export / "model.onnx", "a pipe")
    for words in (("verify", "brightness"), ("predict", "brightness", picture), ("info", export)):
        done = run_zoo(*words)
        assert (done.code, "was refused (not-a-file): it is a device, pipe or socket" in done.stderr) == (4, True), (
            done.stderr
        )
