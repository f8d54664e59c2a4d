"""docs/hooks.md: it says what the hooks say, its examples run, and every hook is tested with its exact arguments."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from zoo_core import hookspecs

ROOT = Path(__file__).parents[2]
MAKER = runpy.run_path(str(ROOT / "docs" / "make_hooks.py"))
HOOKS = (*hookspecs.OFFERS, *hookspecs.EVENTS)
OFFERED = {
    "zoo_recipes": ["recipe:letters"],
    "zoo_models": ["model:linear"],
    "zoo_datasets": ["dataset:two-clouds"],
    "zoo_trainers": ["trainer:plain-adam"],
    "zoo_families": ["family:widths"],
    "zoo_tasks": ["task:nearest"],
    "zoo_commands": ["command:longest"],
}


def example(name: str) -> str:
    code: str = MAKER["read_hook"](name)[1]["Example"]
    return code


def test_the_page_of_hooks_is_up_to_date() -> None:
    written = ROOT.joinpath("docs", "hooks.md").read_text(encoding="utf-8")
    assert written == MAKER["make_page"](), "run: python docs/make_hooks.py"


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_implements_it_with_its_arguments(name: str) -> None:
    (found,) = [
        node for node in ast.parse(example(name)).body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert [argument.arg for argument in found.args.args] == list(
        inspect.signature(getattr(hookspecs, name)).parameters
    )
    assert [ast.unparse(decorator) for decorator in found.decorator_list] == ["hookimpl"]


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_tested_with_its_exact_arguments(name: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    tests = [path for path in ROOT.glob("tests/**/*.py") if path != Path(__file__)]
    implemented = re.compile(rf"@hookimpl(?:\\n|\s)+def {name}\({arguments}\)")
    assert any(implemented.search(path.read_text(encoding="utf-8")) for path in tests)


@pytest.mark.heavy
def test_the_examples_of_the_hooks_run(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    for name in HOOKS:
        fake_distribution(f"example-{name.replace('_', '-')}", example(name), entries={name: f"example_{name}"})
    plugins = {plugin["id"].partition(":")[2]: plugin for plugin in run_zoo("plugins", "--json").json}
    for name in HOOKS:
        assert plugins[name]["problem"] is None
        assert plugins[name]["offers"] == OFFERED.get(name, [])
    few = ("--dataset", "two-clouds", "--epochs", "3")
    trained = run_zoo("train", "linear", "--trainer", "plain-adam", *few, "--json")
    assert trained.json["test"]["accuracy"] > 0.5
    assert "Warning" not in trained.stderr
    assert run_zoo("info", "widths/wide", "--json").json["parameters"] == 4 * 64 + 64 + 64 * 10 + 10
    exported = run_zoo("export", "linear-two-clouds")
    assert (exported.code, "Warning" in exported.stderr) == (0, False)
    assert run_zoo("longest", "--json").json["name"] in {
        row["name"] for row in run_zoo("list", "models", "--json").json
    }
    epochs = [line.split()[:2] for line in (tmp_path / "epochs.txt").read_text().splitlines()]
    assert epochs == [["linear-two-clouds", str(number)] for number in (1, 2, 3)]
    assert [line.split()[0] for line in (tmp_path / "trained.txt").read_text().splitlines()] == ["linear-two-clouds"]
    assert (tmp_path / "exported.txt").read_text().split()[:3] == ["linear-two-clouds", "linear", "verified"]
