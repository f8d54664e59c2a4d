"""What deployers run needs no torch: with its import blocked, and in an environment that does not have it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from base_environment import make_base_environment, site_of
from onnx_files import write_digits
from without_torch import BLOCKER, HEAVY

pytestmark = pytest.mark.heavy


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """The environment of a child where the heavy packages cannot be imported."""
    folder = tmp_path / "blocker"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def pictures() -> list[Path]:
    import zoo_plugins.digits

    return sorted((Path(zoo_plugins.digits.__file__).parent / "samples").glob("*.png"))


def test_the_blocker_blocks(blocked: dict[str, str]) -> None:
    for name in HEAVY:
        command = [sys.executable, "-c", f"import {name}"]
        done = subprocess.run(command, env={**os.environ, **blocked}, capture_output=True, text=True, check=False)
        assert f"blocked: {name}" in done.stderr


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_digits(tmp_path)


def test_predict(run_zoo: Callable[..., Any], blocked: dict[str, str], export: Path, pictures: list[Path]) -> None:
    done = run_zoo("predict", "linear-digits", *pictures, "--json", env=blocked)
    assert (done.code, done.stderr) == (0, "")
    assert len(done.json) == len(pictures) >= 3


@pytest.mark.parametrize("arguments", [["linear-digits"], ["exported/linear-digits/model.onnx", "--dataset", "digits"]])
def test_eval_of_an_export(
    arguments: list[str], run_zoo: Callable[..., Any], blocked: dict[str, str], export: Path
) -> None:
    done = run_zoo("eval", *arguments, "--json", env=blocked)
    assert (done.code, done.stderr) == (0, "")
    assert done.json["metrics"]["accuracy"] > 0.9


def test_diff(run_zoo: Callable[..., Any], blocked: dict[str, str], tmp_path: Path) -> None:
    sample, other = Path(__file__).parents[2] / "exported" / "lenet5-digits", tmp_path / "other.onnx"
    other.write_bytes(
        sample.joinpath("model.onnx").read_bytes().replace(b'"license":"Apache-2.0"', b'"license":"Copyleft-1"')
    )
    done = run_zoo("diff", sample, other, "--json", env=blocked)
    assert (done.code, done.stderr) == (0, "")
    assert [each["field"] for each in done.json["words"]] == ["license"]
    assert done.json["behaviour"]["compared"] is True


def test_bench(run_zoo: Callable[..., Any], blocked: dict[str, str]) -> None:
    sample = Path(__file__).parents[2] / "exported" / "lenet5-digits"
    asked = ("--engine", "onnxruntime", "--engine", "torch", "--batch", 1, "--seconds", 0.01)
    done = run_zoo("bench", sample, *asked, "--json", env=blocked)
    assert done.code == 0, done.stderr
    assert [row["engine"] for row in done.json["rows"]] == ["onnxruntime"]
    assert list(done.json["not_measured"][str(sample)]) == ["torch"]


def test_refusals(run_zoo: Callable[..., Any], blocked: dict[str, str], export: Path, pictures: list[Path]) -> None:
    export.write_bytes(export.read_bytes()[:1000])
    done = run_zoo("predict", "linear-digits", *pictures, env=blocked)
    assert done.code == 4
    assert "refused (cut-short)" in done.stderr


def test_the_python_interface(blocked: dict[str, str], export: Path, pictures: list[Path]) -> None:
    code = f"""
import sys
from zoo_core.runtime import open_model
print(open_model({str(export)!r})([{str(pictures[0])!r}])[0]["label"])
print(sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, **blocked}, capture_output=True, text=True, check=True)
    label, loaded = done.stdout.split()
    assert label in "0123456789"
    assert loaded == "[]"


# -- a second environment ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base_install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the base install and nothing else; its Python."""
    python = make_base_environment(tmp_path_factory.mktemp("venv") / "base")
    site = site_of(python)
    root = Path(__file__).parents[2]
    for package in ("zoo_core", "zoo_plugins"):
        if not (site / package).exists():
            (site / package).symlink_to(root / package)
    return python


@pytest.fixture
def run_base(base_install: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [base_install, *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=240
        )

    return run


@pytest.mark.heavy
def test_an_environment_without_torch(
    run_base: Callable[..., subprocess.CompletedProcess[str]], export: Path, pictures: list[Path]
) -> None:
    for name in HEAVY:
        assert f"No module named '{name}'" in run_base("-c", f"import {name}").stderr
    zoo = ("-m", "zoo_core")
    predicted = run_base(*zoo, "predict", "linear-digits", *pictures, "--json")
    assert (predicted.returncode, predicted.stderr) == (0, "")
    assert len(json.loads(predicted.stdout)) == len(pictures)
    measured = run_base(*zoo, "eval", "linear-digits", "--json")
    assert (measured.returncode, measured.stderr) == (0, "")
    assert json.loads(measured.stdout)["metrics"]["accuracy"] > 0.9
    listed = run_base(*zoo, "list", "--json")
    assert listed.returncode == 0
    assert "digits" in {entry["name"] for entry in json.loads(listed.stdout)}


@pytest.mark.heavy
def test_the_finished_export_of_the_repository(
    run_base: Callable[..., subprocess.CompletedProcess[str]], pictures: list[Path]
) -> None:
    bundle = Path(__file__).parents[2] / "exported" / "lenet5-digits"
    if not (bundle / "model.onnx").exists():
        pytest.skip("exported/lenet5-digits is not there yet")
    zoo = ("-m", "zoo_core")
    verified = run_base(*zoo, "verify", bundle, "--json")
    assert (verified.returncode, json.loads(verified.stdout)["outcome"]) == (0, "verified")
    measured = run_base(*zoo, "eval", bundle, "--json")
    assert json.loads(measured.stdout)["metrics"]["accuracy"] > 0.97
    predicted = run_base(*zoo, "predict", bundle, *pictures, "--json")
    assert predicted.returncode == 0
