"""docs/python.md: it says what the public names say, leaves out none of them, and its examples run."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
from pathlib import Path

import pytest
from warm import run_code

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs", "python.md").read_text(encoding="utf-8")


def modules_with_all() -> set[str]:
    """Those of the core that assign `__all__`, found without the script that makes the page."""
    found = set()
    for path in ROOT.glob("zoo_core/**/*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found.add(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return found


def test_the_page_of_public_names_is_up_to_date() -> None:
    # In a process of its own: what another test has patched or loaded shows in no signature.
    made = run_code(
        "import runpy, sys; sys.stdout.write(runpy.run_path('docs/make_python.py')['make_page']())", cwd=ROOT
    )
    assert (made.code, made.stderr) == (0, "")
    assert made.stdout == PAGE, "run: python docs/make_python.py"


def test_every_public_name_is_on_the_page_and_says_what_it_promises() -> None:
    sections = dict(re.findall(r"^## `(zoo_core[\w.]*)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert set(sections) == modules_with_all()
    for module, section in sections.items():
        entries = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^### |^Here too|\Z)", section, re.MULTILINE | re.DOTALL))
        here_too = set(re.findall(r"`(\w+)` \(", section.partition("\nHere too")[2]))
        assert set(entries) | here_too == set(importlib.import_module(module).__all__), module
        for name, text in entries.items():
            words = re.sub(r"```python\n.*?```", "", text, flags=re.DOTALL).split()
            assert len(words) > 2, f"{module}.{name} has no docstring"


def test_no_text_of_the_page_depends_on_the_machine() -> None:
    assert not re.search(r" at 0x[0-9a-f]+|<function|<class", PAGE)


def test_the_examples_run_and_say_what_is_expected(workplace: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.partition("## `zoo_core`")[0], re.DOTALL)
    assert len(examples) == 5
    shutil.copytree(ROOT / "zoo_plugins" / "digits" / "samples", workplace / "pictures")
    done = run_code("\n".join(examples), cwd=workplace)
    assert done.code == 0, done.stderr
    trainers, summary, run, accuracy, seven, two, *many, shape = done.stdout.splitlines()
    (shown,) = re.findall(r"```\n\n```\n(.*?)```", PAGE.partition("## `zoo_core`")[0], re.DOTALL)
    assert many == shown.splitlines()
    assert (trainers, summary) == ("['supervised']", "LeNet-5, the 1998 digit reader")
    assert run == "lenet5 digits 4"
    assert float(accuracy) > 0.3
    assert [line.split()[0] for line in (seven, two)] == ["7", "2"]
    assert shape == "10 (8, 1, 28, 28)"
