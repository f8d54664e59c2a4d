"""Who imports whom in this project, read from the syntax trees, and the circles in it.

An import for type checkers only does not count; one inside a function does, for it is a dependency all the same.
What a package's `__init__` hands out by `__getattr__` counts: it names that for type checkers, and imports it when it
is used. Importing a module runs the packages around it, and that alone does not count: only what is named does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, frozenset[str]]


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a file; a package's for its `__init__`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_graph(root: Path, package: str) -> Graph:
    """The modules of a package in the folder `root`, each with those of the same package that it imports."""
    files = {module_name(path, root): path for path in sorted((root / package.replace(".", "/")).rglob("*.py"))}
    return {name: frozenset(_imported(name, path, set(files)) - {name}) for name, path in files.items()}


def _imported(name: str, path: Path, known: set[str]) -> set[str]:
    home = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body)
    for node in ast.walk(tree) if lazy else _run_time(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = home.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:  # `from package import name`: a module of it, or something in its __init__
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known else base)
    return found & known


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from (other, *_run_time(other))
            continue
        yield child
        yield from _run_time(child)


def find_circles(graph: Graph) -> list[list[str]]:
    """For each group of modules that import each other, a shortest way round, first module again at the end."""
    circles, done = [], set[str]()
    for start in sorted(graph):
        if start in done:
            continue
        way = _way_back(graph, start)
        if way:
            circles.append(way)
            done |= _reached(graph, start) & {name for name in graph if start in _reached(graph, name)}
    return circles


def _way_back(graph: Graph, start: str) -> list[str] | None:
    came: dict[str, str] = {}
    waiting = [start]
    while waiting:
        here = waiting.pop(0)
        for there in sorted(graph.get(here, ())):
            if there == start:
                way = [start, here]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1] if here != start else [start, start]
            if there not in came:
                came[there] = here
                waiting.append(there)
    return None


def _reached(graph: Graph, start: str) -> set[str]:
    found, waiting = set[str](), [start]
    while waiting:
        for there in graph.get(waiting.pop(), ()):
            if there not in found:
                found.add(there)
                waiting.append(there)
    return found
