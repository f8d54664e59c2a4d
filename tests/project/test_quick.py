"""`make quick` chooses the tests of what changed, and those that need no PyTorch."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = runpy.run_path(str(ROOT / ".ci" / "quick.py"))
TESTS = {
    "export/test_blame.py": "",
    "export/test_layers.py": "",
    "export/test_plain.py": "from zoo_core.export.plan.cut import cut",
    "plugins/test_unet.py": "",
    "runtime/test_vet.py": "import one",
    "runtime/test_other.py": "def test():\n    import torch",
    "test_options.py": "from two import x",
    "helpers/one.py": "from torch import nn",
    "helpers/two.py": "import json",
    "discovery/test_many.py": "from kinds import x",
    "helpers/kinds/__init__.py": "from .heavy import x",
    "helpers/kinds/heavy.py": "import torch",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, code in TESTS.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("zoo_core/export/blame/inquiry.py", None),
        ("zoo_core/export/blame/__init__.py", "export/test_blame.py"),
        ("zoo_core/export/plan/layer.py", "export/test_layers.py"),  # also in the plural
        ("zoo_core/export/plan/lay.py", None),  # whole words alone
        ("zoo_core/export/plan/cut.py", "export/test_plain.py"),  # no name, but an import
        ("zoo_core/options.py", "test_options.py"),
        ("zoo_plugins/unet/net.py", "plugins/test_unet.py"),
        ("tests/export/test_blame.py", "export/test_blame.py"),
        ("tests/helpers/two.py", "test_options.py"),
        ("tests/helpers/kinds/heavy.py", "discovery/test_many.py"),
        ("docs/make_hooks.py", None),
    ],
)
def test_the_tests_of_a_changed_file(changed: str, expected: str | None, tree: Path) -> None:
    found, without = QUICK["chosen_for"]([changed, "README.md"], tree)
    assert (found, without) == (([], [changed]) if expected is None else ([f"tests/{expected}"], []))


def test_what_loads_no_torch_is_light(tree: Path) -> None:
    assert QUICK["light_tests"](tree) == ["tests/runtime/test_other.py", "tests/test_options.py"]


def test_there_are_light_tests_of_each_kind() -> None:
    folders = {Path(name).parent.name for name in QUICK["light_tests"]()}
    assert {"discovery", "runtime", "cli", "data", "project", "tests"} <= folders
