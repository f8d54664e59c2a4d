"""`zoo bench`: engines side by side on the finished sample, whose answers are compared while they are measured."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image
from warm import Result

from zoo_core import TensorSpec
from zoo_core.runtime import SessionSettings, keep_tuned, open_model, read_onnx

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
QUICKLY = ("--seconds", 0.02)


def rows_of(done: Result) -> list[dict[str, Any]]:
    return list(done.json["rows"])


def test_every_level_answers_rightly_in_every_batch_and_is_drawn(run_zoo: Zoo, tmp_path: Path) -> None:
    picture = tmp_path / "bench.png"
    batches = ("--batch", 1, "--batch", 3, "--threads", 1)
    done = run_zoo("bench", SAMPLE, *batches, *QUICKLY, "--picture", picture, "--json")
    assert done.code == 0, done.stderr
    engines = ["onnxruntime", "onnxruntime:extended", "onnxruntime:basic", "onnxruntime:none"]
    assert [(row["engine"], row["batch"]) for row in rows_of(done)][:8] == [(e, b) for b in (1, 3) for e in engines]
    for row in rows_of(done):
        assert row["answers"]["right"] is True
        assert row["answers"]["largest"] <= row["answers"]["allowed"]
        assert 0 < row["p50_s"] <= row["p95_s"] <= row["p99_s"]
        assert row["runs"] >= 8
        assert row["rows_per_s"] > 0 < row["peak_bytes"]
        assert row["load_s"] > row["first_s"] > 0
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 1000


def test_numbers_are_kept_beside_the_export_that_they_are_of(zoo_here: Zoo, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "mine")
    quick = ("--engine", "onnxruntime", "--batch", 1, *QUICKLY, "--save")
    done = zoo_here("bench", "mine", *quick, "--json")
    assert (done.code, done.json["saved"]) == (0, "mine.bench.json"), done.stderr
    kept = json.loads((tmp_path / "mine.bench.json").read_text())
    assert kept["sha256"] == hashlib.sha256((tmp_path / "mine" / "model.onnx").read_bytes()).hexdigest()
    assert (kept["rows"], kept["machine"]) == (done.json["rows"], done.json["machine"])
    assert zoo_here("verify", "mine").code == 0
    for wrong in (("mine", SAMPLE, *quick), ("mine", *quick, "--tune"), ("mlp", *quick[2:])):
        done = zoo_here("bench", *wrong)
        assert (done.code, "--save is for the numbers of one export" in done.stderr) == (2, True), done.stderr


def test_people_get_a_table_and_the_reasons_for_what_is_not_in_it(run_zoo: Zoo) -> None:
    done = run_zoo("bench", SAMPLE, "--engine", "onnxruntime", "--engine", "torch", "--batch", 2, *QUICKLY)
    assert done.code == 0, done.stderr
    assert "rows/s" in done.stdout
    assert "not measured: torch, because what it was made of is not here: " in done.stdout
    assert "onnxruntime:none" not in done.stdout


def test_pytorch_beside_its_export_and_another_run_in_its_place(run_zoo: Zoo, workplace: Path) -> None:
    measured = ("bench", "export:lenet5-digits", "--engine", "torch", "--batch", 2, *QUICKLY, "--json")
    done = run_zoo(*measured)
    assert done.code == 0, done.stderr
    (row,) = rows_of(done)
    assert (row["engine"], row["answers"]["right"]) == ("torch", True)

    other = ("--epochs", 1, "-d", "train_size=100", "--run", "other")
    assert run_zoo("train", "lenet5", "--dataset", "digits", *other).code == 0
    shutil.rmtree(workplace / "runs" / "lenet5-digits")
    (workplace / "runs" / "other").rename(workplace / "runs" / "lenet5-digits")
    done = run_zoo(*measured)
    (row,) = rows_of(done)
    assert (done.code, row["rows_per_s"], row["p50_s"]) == (1, None, None)
    assert row["answers"]["largest"] > row["answers"]["allowed"] > 0
    told = run_zoo(*measured[:-1])
    assert "WRONG: logits is off by " in told.stdout
    assert "Next: zoo verify export:lenet5-digits" in told.stdout


@pytest.mark.slow  # PyTorch beside an export stands above
def test_a_run_and_a_model_are_measured_in_pytorch(run_zoo: Zoo, workplace: Path) -> None:
    asked = ("--engine", "torch", "--batch", 1, *QUICKLY, "--json")
    done = run_zoo("bench", "run:lenet5-digits", "unet1d", *asked, "--size", "L=32")
    assert done.code == 2
    assert "has no free axis L" in done.stderr
    done = run_zoo("bench", "run:lenet5-digits", "lenet5", *asked)
    assert done.code == 0, done.stderr
    assert [row["subject"] for row in rows_of(done)] == ["run:lenet5-digits", "lenet5"]
    assert all(row["answers"]["right"] for row in rows_of(done))


def test_a_broken_run_is_a_row(run_zoo: Zoo, workplace: Path) -> None:
    (workplace / "runs" / "lenet5-digits" / "weights.safetensors").write_bytes(b"none")
    engines = ("--engine", "onnxruntime", "--engine", "torch")
    done = run_zoo("bench", "export:lenet5-digits", *engines, "--batch", 1, *QUICKLY, "--json")
    assert done.code == 1
    right, broken = rows_of(done)
    assert right["rows_per_s"] > 0
    assert broken["error"].startswith("torch: ")
    assert (broken["rows_per_s"], broken["answers"]["right"]) == (None, False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--engine", "tensorrt"), "unknown engine 'tensorrt'"),
        (("--size", "N"), "--size takes AXIS=N, such as H=64, not 'N'"),
        (("--size", "Q=3"), "has no free axis Q"),
        (("--picture", "bench.jpg"), "a picture is written as PNG"),
        (("--tune", "--batch", "1", "--batch", "2"), "--tune takes one export, and one --batch"),
        (("--tune", "--threads", "1"), "--tune tries engines and threads itself"),
        (("--batch", "0"), "0 is not in the range"),
        (("--engine", "torch"), "nothing can be measured of "),
        ((str(SAMPLE),), "is named twice"),
        (("--tune", "lenet5"), "--tune takes one export, and one --batch: the settings are the best for batches of"),
        (("--weights", "DEFAULT"), "it brings its own weights and options"),
    ],
)
def test_what_is_typed_wrongly(words: tuple[str, ...], told: str, run_zoo: Zoo) -> None:
    done = run_zoo("bench", SAMPLE, *words)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_file_of_one_row_whose_self_test_has_two(run_zoo: Zoo, tmp_path: Path) -> None:
    drawn = {"seed": 1, "shape": [2, 1, 4, 4], "low": 0.0, "high": 1.0, "dtype": "float32"}
    logits = {"shape": [2, 3], "positions": [1], "expected": [0.0], "bound": 1e-4, "floor": 1e-6}
    test = {"generator": "philox-uniform-24", "inputs": {"image": drawn}, "outputs": {"logits": logits}}
    specs = {"inputs": {"image": TensorSpec(1, 1, 4, 4)}, "outputs": {"logits": TensorSpec(1, 3)}}
    path = tmp_path / "alone.onnx"
    write_model(path, brightness_model(batch=1), brightness_metadata(preprocess=None, self_test=test, **specs))
    done = run_zoo("bench", path, "--engine", "onnxruntime", *QUICKLY, "--json")
    assert done.code == 0, done.stderr
    assert [(row["batch"], row["answers"]["right"]) for row in rows_of(done)] == [(1, True)]


def test_a_file_of_a_fixed_batch_and_free_sizes(run_zoo: Zoo, tmp_path: Path) -> None:
    specs = {"inputs": {"image": TensorSpec(2, 1, "H", "W")}, "outputs": {"logits": TensorSpec(2, 3)}}
    write_model(
        tmp_path / "fixed.onnx", brightness_model(batch=2, side="S"), brightness_metadata(preprocess=None, **specs)
    )
    engine = ("--engine", "onnxruntime", *QUICKLY)
    done = run_zoo("bench", "fixed.onnx", *engine, "--size", "H=5", "--json")
    assert done.code == 0, done.stderr
    assert (done.json["sizes"]["fixed.onnx"], rows_of(done)[0]["batch"]) == ({"H": 5, "W": 64}, 2)
    refused = run_zoo("bench", "fixed.onnx", *engine, "--batch", 3)
    assert refused.code == 2
    assert "fixed.onnx takes batches of 2 alone, not of 3" in refused.stderr


def test_a_file_that_reaches_its_limit_is_told(run_zoo: Zoo) -> None:
    done = run_zoo("bench", SAMPLE, "--memory", 0.001, "--batch", 1, *QUICKLY)
    assert done.code == 1
    assert "needed more than 0.001 GB of memory" in done.stderr


def test_tuning_keeps_what_is_quicker_or_says_that_nothing_is(run_zoo: Zoo, tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = run_zoo("bench", SAMPLE, "--tune", "--batch", 1, *QUICKLY, "--json", env={"ZOO_STATE": str(state)})
    assert done.code == 0, done.stderr
    tuned = done.json["tuned"]
    kept = [json.loads(path.read_text()) for path in (state / "tuned").glob("*.json")]
    assert (tuned["batch"], tuned["kept"]) == (1, True)
    assert [{name: each[name] for name in ("optimization", "threads", "spinning")} for each in kept] == (
        [] if tuned["settings"] is None else [tuned["settings"]]
    )
    assert (tuned["settings"] is None) == (tuned["gain"] < 1.03)


@pytest.fixture
def tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The note of what was found for the sample."""
    monkeypatch.setenv("ZOO_STATE", str(tmp_path / "state"))
    file = read_onnx(SAMPLE / "model.onnx")
    assert keep_tuned(file, {"optimization": "basic", "threads": 1, "spinning": True}, batch=4)
    (note,) = (tmp_path / "state" / "tuned").iterdir()
    return note


def opened(**asked: Any) -> SessionSettings:
    with open_model(SAMPLE, isolated=False, **asked) as model:
        return model.settings


def test_what_was_tuned_is_used_unless_something_is_asked_for(tuned: Path) -> None:
    assert opened() == SessionSettings(optimization="basic", threads=1, spinning=True)
    assert opened(threads=2) == SessionSettings(threads=2)
    assert opened(spinning=False) == SessionSettings()
    assert keep_tuned(read_onnx(SAMPLE / "model.onnx"), None, batch=4)
    assert not tuned.exists()
    assert opened() == SessionSettings()


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "Amiga m68k, 1 processors"},
        {"onnxruntime": "0.1"},
        {"schema": 2},
        {"optimization": "most"},
        {"threads": 1_000_000},
        {"threads": True},
        {"spinning": 1},
    ],
    ids=str,
)
def test_a_note_of_another_machine_or_with_other_fields_changes_nothing(tuned: Path, change: dict[str, Any]) -> None:
    tuned.write_text(json.dumps({**json.loads(tuned.read_text()), **change}))
    assert opened() == SessionSettings()


@pytest.mark.parametrize("content", [b"", b"[]", b"{" * 100_000, b"\xff" * 20, b" " * 20_000 + b"{}"])
def test_a_damaged_note_changes_nothing(tuned: Path, content: bytes) -> None:
    tuned.write_bytes(content)
    assert opened() == SessionSettings()
