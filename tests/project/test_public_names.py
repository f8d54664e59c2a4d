"""Public is what a package's `__all__` says: the bundled plugins and the examples import nothing else of the core."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("zoo_plugins/**/*.py"), *ROOT.glob("examples/**/*.py")])
PUBLIC = sorted(
    path.parent.relative_to(ROOT).as_posix().replace("/", ".")
    for path in ROOT.glob("zoo_core/**/__init__.py")
    if "__all__" in path.read_text(encoding="utf-8")
)


def imports_of_the_core(source: str) -> Iterator[tuple[str, str | None]]:
    """`(module, name)` of each import from the core; the name is None where a module itself is imported."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name.partition(".")[0] == "zoo_core")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "zoo_core":
            yield from ((str(node.module), alias.name) for alias in node.names)


def private(source: str) -> list[str]:
    """What a source imports from the core although no `__all__` has it."""
    return [
        f"{module}: {name or 'the module itself'}"
        for module, name in imports_of_the_core(source)
        if name is None or name not in getattr(importlib.import_module(module), "__all__", ())
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_plugin_imports_public_names_only(path: Path) -> None:
    assert private(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from zoo_core.training.loop import Loop", ["zoo_core.training.loop: Loop"]),
        ("def f():\n    from zoo_core.data import _MOST, Samples", ["zoo_core.data: _MOST"]),
        ("import zoo_core.runtime", ["zoo_core.runtime: the module itself"]),
        ("from zoo_core import registry", ["zoo_core: registry"]),
        ("from zoo_core.training import Loop", []),
    ],
)
def test_the_test_sees_what_is_private(source: str, found: list[str]) -> None:
    assert private(source) == found


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(package: str) -> None:
    module: ModuleType = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert (value.__doc__ or "").strip(), f"{package}.{name} has no docstring"
