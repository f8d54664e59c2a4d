"""Public is what a package's `__all__` says: the bundled plugins and the examples import nothing else of the core."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from zoo_core.checks.rules.public_names import private_names

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("zoo_plugins/**/*.py"), *ROOT.glob("examples/**/*.py")])
PUBLIC = sorted(
    path.parent.relative_to(ROOT).as_posix().replace("/", ".")
    for path in ROOT.glob("zoo_core/**/__init__.py")
    if "__all__" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_plugin_imports_public_names_only(path: Path) -> None:
    assert private_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(package: str) -> None:
    module: ModuleType = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert (value.__doc__ or "").strip(), f"{package}.{name} has no docstring"
