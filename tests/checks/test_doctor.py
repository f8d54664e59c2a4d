"""`zoo doctor`: the environment, and a model stage by stage with the guilty line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from broken_plugins import MODEL, Break, broken
from rule_breaks import FORWARD

from zoo_core.installation import install_command

STAGES = ["import", "build", "forward", "export", "load", "parity"]


LESS_INSTALLED = """
import importlib.metadata as metadata

real = metadata.distribution


def distribution(name):
    if name in ("timm", "click"):
        raise metadata.PackageNotFoundError(name)
    return real(name)


metadata.distribution = distribution
"""


def stages(result: Any) -> dict[str, dict[str, Any]]:
    return {row["stage"]: row for row in result.json if row["stage"] in STAGES}


def test_the_environment(zoo_here: Any, tmp_path: Path) -> None:
    result = zoo_here("doctor", "--json")
    assert result.code == 0, result.stderr
    rows = {row["stage"]: row for row in result.json}
    assert rows["onnxruntime"]["outcome"] == rows["torch"]["outcome"] == rows["cache"]["outcome"] == "ok"
    assert str(tmp_path) in rows["here"]["detail"]
    assert "pytest" not in rows  # what only developers need


def test_a_missing_extra_is_a_warning_with_the_command(run_zoo: Any, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    hidden.joinpath("sitecustomize.py").write_text(LESS_INSTALLED)
    hidden.joinpath("torch-1.5.dist-info").mkdir()
    hidden.joinpath("torch-1.5.dist-info", "METADATA").write_text("Name: torch\nVersion: 1.5\n")
    hidden.joinpath("numpy-9.dist-info", "METADATA").mkdir(parents=True)
    hidden.joinpath("pillow.dist-info").mkdir()
    result = run_zoo("doctor", "--json", env={"PYTHONPATH": str(hidden)})
    rows = {row["stage"]: row for row in result.json}
    assert (rows["timm"]["outcome"], rows["timm"]["hint"]) == ("warning", install_command("timm"))
    assert (rows["click"]["outcome"], rows["click"]["hint"]) == ("failed", "pip install -U click")
    assert (rows["torch"]["outcome"], rows["torch"]["hint"]) == ("failed", install_command("train"))
    assert "mkdocs" not in rows  # what only developers need, as above
    assert rows["torch"]["detail"].startswith("1.5, but 2.")
    assert (rows["numpy"]["outcome"], rows["numpy"]["detail"]) == ("ok", "9")  # what its folder says
    damaged = ("warning", "its metadata are damaged: no version in them", "pip install --force-reinstall pillow")
    assert (rows["pillow"]["outcome"], rows["pillow"]["detail"], rows["pillow"]["hint"]) == damaged
    assert result.code == 1
    assert "Hint: pip install" in result.stderr


def test_a_folder_that_cannot_be_written(run_zoo: Any, tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    result = run_zoo("doctor", "--json", env={"ZOO_DATA": str(tmp_path / "file" / "data")})
    row = next(row for row in result.json if row["stage"] == "datasets")
    assert row["outcome"] == "failed"
    assert row["hint"] == "another folder with ZOO_DATA=DIR"
    assert result.code == 1


def test_a_broken_plugin_is_named(zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "raise OSError('out of luck')")
    result = zoo_here("doctor", "--json")
    row = next(row for row in result.json if row["stage"] == "zoo-bad:zoo-bad")
    assert row["outcome"] == "failed"
    assert "out of luck (zoo_bad/__init__.py:1)" in row["detail"]
    assert result.code == 1


def test_a_healthy_model(zoo_here: Any) -> None:
    result = zoo_here("doctor", "lenet5", "--json")
    assert result.code == 0, result.stderr
    assert [(name, row["outcome"]) for name, row in stages(result).items()] == [(name, "ok") for name in STAGES]
    assert "verified" in stages(result)["parity"]["detail"]


FAULTS = {
    "import": (Break(old='license="MIT"', new='license=""'), "says-where-it-comes-from: "),
    "build": (
        Break(file="net.py", old="self.last =", new="[][1]\n                self.last ="),
        "(zoo_tried/net.py:12)",
    ),
    "forward": (
        Break(file="net.py", old=FORWARD, new="logits = image @ image.flatten(1)"),
        "(zoo_tried/net.py:",
    ),
    "export": (
        Break(file="net.py", old=FORWARD, new=FORWARD + "\n                logits = torch.digamma(logits.exp())"),
        "conversion: ",
    ),
}


@pytest.mark.parametrize("stage", FAULTS)
def test_the_stage_that_fails_is_named_with_the_guilty_line(stage: str, zoo_here: Any, fake_distribution: Any) -> None:
    fault, words = FAULTS[stage]
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    result = zoo_here("doctor", "tried", "--json")
    found = stages(result)
    assert result.code == 3
    after = "ok" if stage == "import" else "skipped"  # a license that is not given keeps nothing from working
    assert [row["outcome"] for row in found.values()] == [
        "ok" if name in STAGES[: STAGES.index(stage)] else "failed" if name == stage else after for name in STAGES
    ], found
    assert words in found[stage]["detail"]
    assert f"model tried fails at stage {stage}: " in result.stderr


ENDS = {
    "os._exit": (
        "import os; os._exit(0)",
        "ends with exit code 0 before the stage was through: does it call os._exit?",
    ),
    "crash": (
        "import ctypes; ctypes.string_at(0)",
        "was killed by SIGSEGV before the stage was through, at zoo_tried/net.py:15",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_model_that_ends_the_process_is_named_by_its_stage(end: str, run_zoo: Any, fake_distribution: Any) -> None:
    line, words = ENDS[end]
    fault = Break(file="net.py", old=FORWARD, new=f"{line}\n                {FORWARD}")
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    result = run_zoo("doctor", "tried", "--json")
    assert result.code == 3
    outcomes = [(name, row["outcome"]) for name, row in stages(result).items()]
    assert outcomes == [("import", "ok"), ("build", "ok"), ("forward", "failed"), *LATER]
    assert f"Error: model tried fails at stage forward: its process {words}\n" in result.stderr


LATER = [("export", "skipped"), ("load", "skipped"), ("parity", "skipped")]


def test_a_plugin_that_ends_the_process_before_a_stage_begins(run_zoo: Any, fake_distribution: Any) -> None:
    first = """
        import os
        os.environ.get("ZOO_DISCOVERING") == "1" or "doctor_child" not in str(os.sys.modules) or os._exit(0)
        from zoo_core import ModelSpec"""
    fault = Break(old="\n        from zoo_core import ModelSpec", new=first)
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    result = run_zoo("doctor", "tried")
    assert result.code == 3
    assert "model tried fails at stage import: its process ends with exit code 0 before its rules" in result.stderr


@pytest.mark.parametrize("name", ["tried", "zoo-tried:tried", "model:tried", "zoo-tried"])
def test_a_plugin_that_cannot_be_loaded_fails_at_the_first_stage(
    name: str, zoo_here: Any, fake_distribution: Any
) -> None:
    fake_distribution("zoo-tried", "raise OSError('out of luck')", entries={"tried": "zoo_tried"})
    result = zoo_here("doctor", name, "--json")
    assert result.code == 3
    assert [row["outcome"] for row in stages(result).values()] == ["failed", *["skipped"] * 5]
    why = "plugin zoo-tried:tried cannot be loaded: "
    assert stages(result)["import"]["detail"].startswith(why)
    assert "out of luck (zoo_tried/__init__.py:1)" in stages(result)["import"]["detail"]
    assert f"fails at stage import: {why}" in result.stderr


SABOTAGE = """import numpy
        import onnx_ir
        import torch

        honest = torch.onnx.export


        def sabotaged(*arguments, **options):
            program = honest(*arguments, **options)
            value = program.model.graph.initializers["last.weight"]
            value.const_value = onnx_ir.tensor(value.const_value.numpy() * numpy.float32(1.01), name=value.name)
            return program


        torch.onnx.export = sabotaged
"""


def test_a_file_that_computes_something_else(zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(file="net.py", old="import torch\n", new=SABOTAGE)
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    result = zoo_here("doctor", "tried", "--json")
    assert result.code == 3
    found = stages(result)
    assert [name for name, row in found.items() if row["outcome"] == "failed"] == ["parity"], found
    assert "zoo_tried/net.py:" in found["parity"]["detail"]  # the guilty line


def test_the_older_exporter_prints_nothing_into_the_json(run_zoo: Any, fake_distribution: Any) -> None:
    files = broken(MODEL, FAULTS["export"][0])
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    result = run_zoo("export", "tried", "--json")
    assert result.code == 3
    assert result.json["outcome"] == "failed"


def test_a_name_that_is_no_model(zoo_here: Any) -> None:
    result = zoo_here("doctor", "lenet6")
    assert result.code == 2
    assert "unknown model 'lenet6'" in result.stderr
    assert "lenet5" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("typed", [("doctor", "lenet5", "-o", "hight=3"), ("doctor", "-o", "height=3")])
def test_a_mistyped_option_is_told_before_anything_is_looked_at(typed: tuple[str, ...], zoo_here: Any) -> None:
    result = zoo_here(*typed)
    assert (result.code, result.stdout) == (2, "")
    assert ("has no option 'hight'" in result.stderr) or ("-o is for a model" in result.stderr)
