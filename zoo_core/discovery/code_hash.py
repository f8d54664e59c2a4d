"""Which code a plugin is: what tells one state of its files from another, whatever its version says."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from zoo_core.files import clear_io_errors

from .plugins import Plugin


def code_of(plugin: Plugin) -> dict[str, str]:
    """`{version, code}`: the version of its distribution, and the sha256 of all Python files of its package.

    That is the package at the top, with everything that the plugin may import of its own; for the bundled ones, which
    share one, it is the plugin's folder. `code` is empty where no files are found, as in a zip archive.
    """
    digest, found = hashlib.sha256(), False
    for name, path in _files(plugin):
        with clear_io_errors(f"cannot read the code of plugin {plugin.id}", path):
            content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
        found = True
    return {"version": plugin.version, "code": digest.hexdigest() if found else ""}


def _files(plugin: Plugin) -> Iterator[tuple[str, Path]]:
    """Files by their name in the package, in the order of these names; a module of one file is its own."""
    spec = importlib.util.find_spec(plugin.module if plugin.bundled else plugin.module.partition(".")[0])
    for folder in (spec and spec.submodule_search_locations) or ():
        paths = {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob("*.py")}
        yield from sorted((name, path) for name, path in paths.items() if path.is_file())
        return
    if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
        yield Path(spec.origin).name, Path(spec.origin)
