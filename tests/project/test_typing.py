"""The types of the public interface, as a stranger's mypy sees them: strict, from outside, against the built wheel."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from archives import ROOT, build_archives, run_tool
from base_environment import link_distribution, make_base_environment
from conftest import Result

pytestmark = pytest.mark.heavy

SCRIPT = '''\
"""Reads a catalogue, a run and an export."""

from pathlib import Path

from zoo_core import ExportReport, ModelSpec, TensorSpec, ZooError, load_run, open_zoo
from zoo_core.runtime import open_model


def look(run_name: str, export: Path, pictures: list[Path]) -> dict[str, float]:
    zoo = open_zoo()
    names: list[str] = [entry.name for entry in zoo.entries("model")]
    spec: ModelSpec = zoo.model(names[0]).spec
    shapes: list[TensorSpec] = list(spec.inputs.values())
    run = load_run(run_name)
    last: float = run.rows[-1].validation["loss"]
    model = open_model(export)
    labels: list[str] = [row["label"] for row in model(pictures)]
    print(names, shapes, labels, run.info.model, model.task)
    return {"loss": last}


def outcome(report: ExportReport) -> str:
    try:
        return f"{report.outcome}: {[check.rule for check in report.checks]}"
    except ZooError as error:
        return error.message
'''
NETWORK = """

def weights(run_name: str) -> int:
    return sum(tensor.numel() for tensor in load_run(run_name).build().parameters())
"""
WRONG = '''\
"""Each line but the imports is wrong."""

from zoo_core import TensorSpec, load_run, open_zoo
from zoo_core.runtime import open_model

number: int = open_zoo().model("lenet5").spec.name
epoch: str = load_run("lenet5-digits").rows[0].epoch
task: int = open_model("model.onnx").task
shape = TensorSpec("N", 1.5)
load_run(name="lenet5-digits")
open_zoo().no_such_method()
'''


def make_environment(folder: Path, factory: pytest.TempPathFactory, *more: str) -> Path:
    """The Python of an environment with the wheel, what a base install brings, and `more` packages."""
    python = make_base_environment(folder / "environment", with_ours=False)
    for name in more:
        link_distribution(name, python)
    wheel = build_archives(factory).wheel
    command = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    done = run_tool(*command, cwd=folder)
    assert done.code == 0, done.stdout + done.stderr
    return python


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment without PyTorch."""
    return make_environment(tmp_path_factory.mktemp("typing"), tmp_path_factory)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this module's own, for what mypy found out about numpy."""
    return tmp_path_factory.mktemp("mypy")


def check_types(python: Path, *files: str | Path, cwd: Path, cache: Path) -> Result:
    """`mypy --strict` with the packages of that environment, and with no settings but its own."""
    options = ("--strict", "--config-file=", f"--cache-dir={cache}", "--python-executable", python)
    return run_tool(sys.executable, "-m", "mypy", *options, *files, cwd=cwd)


def copy_example(name: str, to: Path) -> str:
    """A copy of the package in an example; its name."""
    package = name.replace("-", "_")
    shutil.copytree(ROOT / "examples" / name / package, to / package)
    return package


def test_an_example_is_strictly_typed(python: Path, cache: Path, tmp_path: Path) -> None:
    done = check_types(python, copy_example("zoo-ecg", tmp_path), cwd=tmp_path, cache=cache)
    assert done.code == 0, done.stdout + done.stderr


@pytest.mark.slow  # mypy reads all of torch
def test_an_example_with_a_network_is_strictly_typed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    python = make_environment(tmp_path, tmp_path_factory, "torch")
    tmp_path.joinpath("look.py").write_text(SCRIPT + NETWORK)
    packages = [copy_example(name, tmp_path) for name in ("zoo-convmixer", "zoo-sentences")]
    done = check_types(python, *packages, "look.py", cwd=tmp_path, cache=tmp_path / "cache")
    assert done.code == 0, done.stdout + done.stderr


def test_a_script_is_strictly_typed(python: Path, cache: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("look.py").write_text(SCRIPT)
    done = check_types(python, "look.py", cwd=tmp_path, cache=cache)
    assert done.code == 0, done.stdout + done.stderr


def test_what_is_wrong_is_seen(python: Path, cache: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("wrong.py").write_text(WRONG)
    done = check_types(python, "wrong.py", cwd=tmp_path, cache=cache)
    lines = WRONG.splitlines()
    expected = {number for number, line in enumerate(lines, 1) if line and not line.startswith(('"', "from"))}
    assert {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line} == expected
