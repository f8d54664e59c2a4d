"""What a source imports from the core although it is not public: public is what a package's `__all__` says."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator

CORE = "zoo_core"


def private_names(source: str) -> list[str]:
    """Each import from the core that no `__all__` has, as `line 3: zoo_core.training.loop.Loop`, in order.

    Raises SyntaxError for a source that is not Python.
    """
    return [
        f"line {line}: {module}.{name}" if name else f"line {line}: {module}"
        for line, module, name in sorted(_imports(ast.parse(source)))
        if not (name and name in _public(module))
    ]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, module and name of each import from the core; no name where a module itself is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names if _is_core(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_core(node.module or ""):
            yield from ((node.lineno, str(node.module), alias.name) for alias in node.names)


def _is_core(module: str) -> bool:
    return module.partition(".")[0] == CORE


def _public(module: str) -> tuple[str, ...]:
    try:
        return tuple(getattr(importlib.import_module(module), "__all__", ()))
    except ImportError:  # gone, or it needs a package that is not installed: nothing of it is known to be public
        return ()
