"""What computes: a provider that cannot be had is an error and never the processor, and what it gives is verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from warm import Result

from zoo_core import UsageError, ZooError
from zoo_core.runtime import UnverifiedWarning, open_model, read_onnx
from zoo_core.runtime.running.provider_verdicts import ProviderVerdict, keep_verdict, verdict_on

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
ABSENT = "cuda"


def test_an_unknown_provider_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"a provider is one of cpu, cuda, .*, not 'gpu'"):
        open_model(SAMPLE, provider="gpu")


def test_the_processor_is_a_provider() -> None:
    rows = np.zeros((2, 1, 28, 28), np.float32)
    with open_model(SAMPLE, provider="cpu") as named, open_model(SAMPLE) as usual:
        assert named.run_rows(rows)["logits"].tolist() == usual.run_rows(rows)["logits"].tolist()


@pytest.mark.parametrize("isolated", [False, True])
def test_a_provider_that_cannot_be_had_is_an_error(isolated: bool) -> None:
    with (
        pytest.warns(UnverifiedWarning, match="never verified on cuda here"),
        pytest.raises(ZooError, match=r"here cannot run on cuda: it was built for cpu") as caught,
    ):
        open_model(SAMPLE, provider=ABSENT, isolated=isolated)
    assert "pip install onnxruntime-gpu" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "words",
    [
        ("predict", SAMPLE, "a.png"),
        ("eval", SAMPLE, "--dataset", "digits"),
        ("verify", SAMPLE),
    ],
    ids=lambda words: words[0],
)
def test_every_command_says_so(words: tuple[Any, ...], run_zoo: Zoo, tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    done = run_zoo(*words, "--provider", ABSENT)
    assert done.code == 1
    assert "here cannot run on cuda: it was built for cpu" in done.stderr
    assert "Traceback" not in done.stderr
    assert "label" not in done.stdout


def test_a_bench_has_a_row_without_a_speed(run_zoo: Zoo) -> None:
    asked = ("--engine", "onnxruntime", "--batch", 1, "--seconds", 0.02)
    done = run_zoo("bench", SAMPLE, "--provider", ABSENT, *asked, "--json")
    assert done.code == 1
    usual, absent = done.json["rows"]
    assert (usual["engine"], absent["engine"]) == ("onnxruntime", "onnxruntime@cuda")
    assert usual["rows_per_s"] > 0
    assert absent["rows_per_s"] is None
    assert "cannot run on cuda" in absent["error"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", SAMPLE, "a.png", "--provider", "gpu"), "'gpu' is not one of"),
        (("bench", "lenet5", "--provider", "cpu"), "a provider is onnxruntime's, and lenet5 is a model"),
        (("bench", SAMPLE, "--tune", "--provider", "cpu"), "--tune is about the processor"),
    ],
)
def test_what_is_typed_wrongly(words: tuple[Any, ...], told: str, run_zoo: Zoo) -> None:
    done = run_zoo(*words)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_run_has_no_provider(run_zoo: Zoo, workplace: Path) -> None:
    done = run_zoo("eval", "run:lenet5-digits", "--provider", "cpu")
    assert done.code == 2
    assert "is a run, which PyTorch computes, and a provider is onnxruntime's" in done.stderr


def test_a_file_that_was_wrong_on_a_provider_is_refused_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_STATE", str(tmp_path))
    file = read_onnx(SAMPLE / "model.onnx")
    assert verdict_on(file, ABSENT) is None
    assert keep_verdict(file, ProviderVerdict(provider=ABSENT, is_right=False, detail="logits is off by 3"))
    with pytest.raises(ZooError, match="is wrong on cuda here: logits is off by 3") as caught:
        open_model(SAMPLE, provider=ABSENT)
    assert "zoo verify --provider cuda" in (caught.value.hint or "")
    (record,) = tmp_path.glob("providers/*-cuda.json")
    for damaged in ('{"schema": 1}', "[]", "{", record.read_text().replace('"onnxruntime": "', '"onnxruntime": "9')):
        record.write_text(damaged)
        assert verdict_on(file, ABSENT) is None


@pytest.fixture(scope="module")
def openvino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the onnxruntime that has OpenVINO in it."""
    folder = tmp_path_factory.mktemp("openvino")
    install = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "onnxruntime-openvino")
    subprocess.run(install, check=True)
    return folder


@pytest.mark.slow  # another onnxruntime is installed
def test_a_provider_is_verified_and_used(openvino: Path, tmp_path: Path) -> None:
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    on = ("--provider", "openvino")

    def zoo(*words: Any, before: str = "", code: int = 0) -> tuple[str, str]:
        """The program with another onnxruntime, after some lines of code that change what is declared of it."""
        run = f"{before}\nfrom zoo_core.cli import main\nmain()"
        environment = {**os.environ, "PYTHONPATH": str(openvino), "ZOO_STATE": str(tmp_path / "state")}
        done = subprocess.run(
            [sys.executable, "-c", run, *map(str, words)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr

    assert "never verified on openvino here" in zoo("predict", SAMPLE, "a.png", *on)[1]
    checked = json.loads(zoo("verify", SAMPLE, *on, "--json")[0])
    assert checked["checks"][-1]["rule"] == "provider"
    assert checked["checks"][-1]["outcome"] == "passed"
    assert checked["checks"][-1]["detail"].endswith("for float32; 1 node on openvino")
    answer, told = zoo("predict", SAMPLE, "a.png", *on, "--json")
    assert told == ""
    usual = json.loads(zoo("predict", SAMPLE, "a.png", "--json")[0])
    assert json.loads(answer)[0]["probability"] == pytest.approx(usual[0]["probability"], abs=1e-5)
    metrics = [
        json.loads(zoo("eval", SAMPLE, "--dataset", "digits", *more, "--json")[0])["metrics"] for more in (on, ())
    ]
    assert metrics[0]["accuracy"] == metrics[1]["accuracy"]
    rows = json.loads(zoo("bench", SAMPLE, *on, "--engine", "onnxruntime", "--seconds", "0.05", "--json")[0])["rows"]
    assert {row["engine"] for row in rows if row["answers"]["right"]} == {"onnxruntime", "onnxruntime@openvino"}

    def declared(**options: str) -> str:
        return f"from zoo_core.runtime import PROVIDERS\nPROVIDERS['openvino'].options.update({options!r})"

    # It rounds to bfloat16 and was said to compute in float32.
    coarse = declared(load_config=json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}))
    assert "FAILED" in zoo("verify", SAMPLE, *on, before=coarse, code=3)[0]
    assert "is wrong on openvino here: logits is off by" in zoo("predict", SAMPLE, "a.png", *on, code=1)[1]
    # onnxruntime has it, cannot start it, and would go on with the processor.
    quiet = declared(precision="FP16")
    (tmp_path / "state").rename(tmp_path / "other")
    predicting = ("predict", SAMPLE, "a.png", "--trusted")
    assert "cannot run on openvino here" in zoo(*predicting, *on, before=quiet, code=1)[1]
