"""What plugins share in the process that loads them: kept as it was, and every change of it is told in words."""

from __future__ import annotations

import contextlib
import os
import sys
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from .process_facts import changed_facts, process_facts, put_back

_WATCHED = {"builtins", "click", "importlib", "io", "json", "os", "pluggy", "sys", "time", "types", "zoo_core"}
"""Top-level modules whose functions and classes the zoo and other plugins rely on."""
_FREE = {"sys.excepthook", "sys.displayhook", "sys.unraisablehook", "sys.breakpointhook"}
"""What a library may well replace: nobody else is touched by it."""
_NOT_TO_BE_LOST = (_WATCHED | sys.stdlib_module_names) - {"distutils"}  # setuptools brings its own
_SHOWN = 3


class SharedState:
    """As it was before a plugin was loaded. `files` are further descriptors that must stay open, and what they are."""

    def __init__(self, files: tuple[int, ...]) -> None:
        self._descriptors = {"its standard streams or the line to the zoo": (0, 1, 2, *files)}
        self._facts = process_facts(self._descriptors)
        self._names = {name: (owner, dict(names)) for name, owner, names in _watched_names()}
        self._path, self._environment = list(sys.path), dict(os.environ)
        self._recursion = sys.getrecursionlimit()

    @contextlib.contextmanager
    def guarded(self) -> Iterator[list[str]]:
        """Load a plugin in the block. The list then says what it has changed; what can be is as it was before."""
        changed: list[str] = []
        modules = dict(sys.modules)
        streams = sys.stdin, sys.stdout, sys.stderr
        strict = _count_strict()
        with warnings.catch_warnings():
            yield changed
            if _count_strict() > strict:
                changed.append("warnings, which are errors now")
        sys.stdin, sys.stdout, sys.stderr = streams
        changed += self._replaced_names()
        changed += self._lost_modules(modules)
        changed += self._changed_facts()
        changed += self._changed_settings()

    def _changed_facts(self) -> list[str]:
        changed = changed_facts(self._facts, process_facts(self._descriptors))
        put_back(self._facts, changed)
        return changed

    def _changed_settings(self) -> list[str]:
        changed = []
        left = iter(list(sys.path))
        # More places to look in harm nobody, as long as they are not kept.
        if not all(any(each == entry for each in left) for entry in self._path):
            changed.append("sys.path")
        sys.path[:] = self._path
        lost = [name for name, value in self._environment.items() if os.environ.get(name) != value]
        if lost:
            changed.append(f"the environment ({_some(lost)})")
        for name in [*os.environ]:
            if name not in self._environment:
                del os.environ[name]
        os.environ.update(self._environment)
        if sys.getrecursionlimit() < self._recursion:
            changed.append("the recursion limit")
        sys.setrecursionlimit(self._recursion)
        return changed

    def _replaced_names(self) -> list[str]:
        """Functions and classes of watched modules that are others now; they are put back."""
        replaced = []
        for owner_name, (owner, before) in self._names.items():
            now = vars(owner).get
            for name in [name for name, value in before.items() if now(name) is not value]:
                if f"{owner_name}.{name}" not in _FREE:
                    replaced.append(f"{owner_name}.{name}")
                    with contextlib.suppress(Exception):
                        setattr(owner, name, before[name])
        replaced += _replaced_lazy_names()
        return [_some(replaced)] if replaced else []

    @staticmethod
    def _lost_modules(before: Mapping[str, Any]) -> list[str]:
        """Modules of Python and of the zoo that were loaded, and are gone or others now; they are put back."""
        lost = [
            name
            for name, module in before.items()
            if sys.modules.get(name) is not module and name.partition(".")[0] in _NOT_TO_BE_LOST
        ]
        for name in lost:
            sys.modules[name] = before[name]
        return [f"loaded modules ({_some(lost)})"] if lost else []


def _watched_names() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each watched module and each class that is defined in it: its name, itself, and its functions and classes."""
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] not in _WATCHED or not isinstance(module, types.ModuleType):
            continue
        found = {name: value for name, value in vars(module).items() if callable(value)}
        yield module_name, module, found
        for name, value in found.items():
            if isinstance(value, type) and value.__module__ == module_name and not name.startswith("__"):
                # What is callable belongs to the class; the rest is what a class itself remembers.
                methods = {key: each for key, each in vars(value).items() if callable(each)}
                yield f"{module_name}.{name}", value, methods


def _replaced_lazy_names() -> list[str]:
    """Names of the zoo's packages that are loaded when they are used, and are others than those; they are put back."""
    replaced = []
    for package, module in list(sys.modules.items()):
        if package.partition(".")[0] == "zoo_core" and (load := getattr(module, "__getattr__", None)) is not None:
            for name, value in list(vars(module).items()):
                with contextlib.suppress(Exception):  # it is no lazy name, or what it needs is not installed
                    if load(name) is not value:  # which has also set it
                        replaced.append(f"{package}.{name}")
    return replaced


def _count_strict() -> int:
    return sum(each[0] == "error" for each in warnings.filters)


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
