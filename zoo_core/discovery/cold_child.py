"""The child process of a cold discovery: loads plugins one after the other and reports each as one JSON line.

A plugin may print, exit, hang or crash here; the parent reads what came before, and starts another child for the rest.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import select
import signal
import sys
import time
import types
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zoo_core.children.child import Line

from .cache import stat_all
from .describe import describe
from .entry_points import module_of
from .fault import PluginError
from .offers import contained, load_offers
from .place import place_of
from .shared_state import SharedState

_CHANGES = "loading may change nothing but the plugin itself: tell its authors; ZOO_PLUGINS can leave it out"
_METADATA = ("METADATA", "PKG-INFO")
_LISTINGS = ("os.listdir", "os.scandir")
_VOLATILE = ("/proc/", "/sys/", "/dev/")
_NOT_COUNTED = sys.stdlib_module_names | {"zoo_core", "__main__"}


def main(line: Line) -> None:
    """Load the plugins of the task, `{values, modules, timeout}`, to the first that changes what they share.

    `values` are those of the entry points to load now, `modules` those of all plugins, `timeout` is in seconds.
    """
    task = line.task
    read, state = _ReadPaths(), SharedState(line.descriptors)
    for number, value in enumerate(task["values"]):
        line.send({"begin": number})
        with line.limit(task["timeout"]):
            record, is_unchanged = _read_guarded(value, modules=task["modules"], read=read, state=state)
        line.send({"end": number, "record": record})
        if not is_unchanged:
            return


def apart(line: Line) -> None:
    """As `main`, each plugin in a copy of this process; the record is None where the copy has none to give."""
    task = line.task
    read, state = _ReadPaths(), SharedState(line.descriptors)
    for number, value in enumerate(task["values"]):
        line.send({"begin": number})
        load = partial(_read_guarded, value, modules=task["modules"], read=read, state=state)
        line.send({"end": number, "record": _in_copy(load, line, seconds=task["timeout"])})


def _in_copy(load: Callable[[], tuple[dict[str, Any], bool]], line: Line, *, seconds: float) -> dict[str, Any] | None:
    reading, writing = os.pipe()
    if (copy := os.fork()) == 0:
        with line.limit(seconds):
            answer = f"{json.dumps(load()[0])}\n".encode()
        while answer:
            answer = answer[os.write(writing, answer) :]
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        # What a plugin has started may hold the pipe open, when the copy has ended.
        until = time.monotonic() + seconds
        said = b""
        while not said.endswith(b"\n") and select.select([answers], [], [], max(0, until - time.monotonic()))[0]:
            if not (part := os.read(answers.fileno(), 1 << 16)):
                break
            said += part
    os.kill(copy, signal.SIGKILL)
    os.waitpid(copy, 0)
    try:
        record: dict[str, Any] = json.loads(said)
    except ValueError:
        return None
    return record


def _read_guarded(
    value: str, *, modules: Sequence[str], read: _ReadPaths, state: SharedState
) -> tuple[dict[str, Any], bool]:
    """The record of one plugin, and whether everything that others share with it is as before."""
    with state.guarded() as changed:
        record = _read_plugin(value, modules=modules, read=read)
    if changed:
        told = f"loading it changes {', '.join(changed)}, for every other plugin and the zoo itself"
        problem = told if record["problem"] is None else f"{told}; {record['problem']}"
        record.update(status="broken", problem=problem, hint=record["hint"] or _CHANGES, entries=[], commands=[])
        record["events"] = []
    return record, not changed


def _read_plugin(value: str, *, modules: Sequence[str], read: _ReadPaths) -> dict[str, Any]:
    """One plugin as plain data: its status, problem, hint, catalogue entries, and the files these depend on."""
    module = module_of(value)
    watch = _Watch(module, modules, read)
    record: dict[str, Any] = {"status": "ok", "problem": None, "hint": None}
    record |= {"entries": [], "commands": [], "events": []}
    start = time.perf_counter()
    libraries: set[str] = set()
    try:
        offers = load_offers(value)
        libraries = {family.library or family.prefix for family in offers.families}
        described = contained(lambda: describe(offers), module=module, doing="its offers cannot be listed")
        record.update(described)
    except PluginError as error:
        record.update(status=error.status, problem=error.problem, hint=error.hint, missing=error.missing)
    except KeyboardInterrupt as error:
        record.update(status="broken", problem=f"it raises KeyboardInterrupt{place_of(error, module)}")
    record["seconds"] = round(time.perf_counter() - start, 4)
    record["files"], record["absent"] = watch.stop(failed=record["status"] != "ok")
    # The names of a family are those of its library, which need not be imported to list them.
    record["files"].update(stat_all({path for name in libraries for path in _metadata_files(name)}))
    return record


def _metadata_files(library: str) -> list[str]:
    """The files that every installation of a distribution writes anew; none when it is not installed."""
    try:
        distribution = importlib.metadata.distribution(library)
        files = distribution.files or ()
    except Exception:  # noqa: BLE001 it is not installed, or its list of files is damaged
        return []
    return [str(distribution.locate_file(file)) for file in files if file.name in _METADATA]


class _AbsentModules(importlib.abc.MetaPathFinder):
    """The last finder: what reaches it was looked for and is not installed."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        self.names.add(fullname)
        return None


class _ReadPaths:
    """Files opened for reading and folders listed since `clear()`; one audit hook, as none can be removed."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()
        sys.addaudithook(self._audit)

    def clear(self) -> None:
        self.files.clear()
        self.folders.clear()

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if isinstance(arguments[0], str) and not any(letter in (arguments[1] or "") for letter in "wax+"):
                self.files.add(arguments[0])
        elif event in _LISTINGS and isinstance(arguments[0], str | Path | None):
            self.folders.add(str(arguments[0] or "."))


class _Watch:
    """Which files one plugin's answer depends on, and which modules it looked for in vain."""

    def __init__(self, module: str, modules: Sequence[str], read: _ReadPaths) -> None:
        self.module = module
        # What only other plugins have loaded does not count as this plugin's.
        self.others = {other for other in modules if not _inside(module, other)}
        self.before = set(sys.modules)
        self.read = read
        self.read.clear()
        self.absent = _AbsentModules()
        sys.meta_path.append(self.absent)

    def stop(self, *, failed: bool) -> tuple[dict[str, list[int]], list[str]]:
        """`{path: [mtime in ns, size]}` of files and of the package's own folders, and the absent modules."""
        opened = {_source_of(path) for path in self.read.files}
        listed = {os.path.abspath(path) for path in self.read.folders}
        if self.absent in sys.meta_path:
            sys.meta_path.remove(self.absent)
        own = [name for name in list(sys.modules) if _inside(name, self.module)]
        used = _used_by(own)
        counted = [name for name in list(sys.modules) if self._counts(name, used)]
        paths = {_representative(file, name, self.module) for name in counted if (file := _file_of(name))}
        folders = {str(Path(file).parent) for name in own if (file := _file_of(name))}
        folders |= self._package_folders(own, failed=failed)
        searched = _search_path()
        folders -= searched  # one-file modules lie beside everything else
        within = tuple(folder + os.sep for folder in folders)
        for path in opened:
            of_failure = failed and path.endswith(".py") and not _is_standard(path)
            if self._is_own_file(path) or path.startswith(within) or of_failure or _is_data(path):
                paths.add(path)
        # The import system lists what it searches; whatever else is listed, a plugin has looked for files in.
        if looked_in := {path for path in listed - searched if path.startswith(within) or _is_data(path)}:
            packages = {folder for module in list(sys.modules.values()) for folder in _package_path(module)}
            folders |= looked_in - packages
        return stat_all(paths | folders), sorted(self.absent.names)

    def _package_folders(self, own: Sequence[str], *, failed: bool) -> set[str]:
        """Folders of the plugin's own package (also one without `__init__.py`), and of its parents if it failed."""
        parents = [self.module.rsplit(".", depth)[0] for depth in range(self.module.count(".") + 1)]
        names = [*own, *(parents if failed else [])]
        return {folder for name in names for folder in _package_path(sys.modules.get(name))}

    def _counts(self, name: str, used: set[str]) -> bool:
        if name.partition(".")[0] in _NOT_COUNTED:
            return False
        if name not in self.before or name in used:
            return True
        parts = name.split(".")
        return not any(".".join(parts[:depth]) in self.others for depth in range(1, len(parts) + 1))

    def _is_own_file(self, path: str) -> bool:
        """A module of the plugin that was opened but failed: it is in no list of loaded modules any more."""
        relative = self.module.replace(".", os.sep)
        return path.endswith((f"{os.sep}{relative}.py", f"{os.sep}{relative}{os.sep}__init__.py")) or (
            f"{os.sep}{relative}{os.sep}" in path and path.endswith(".py")
        )


def _used_by(own: Sequence[str]) -> set[str]:
    """Modules that these modules hold, or hold something of, although another plugin may have loaded them."""
    used = set()
    for name in own:
        for value in list(getattr(sys.modules.get(name), "__dict__", {}).values()):
            used.add(value.__name__ if isinstance(value, types.ModuleType) else _home(value))
    return used


def _home(value: object) -> str:
    try:
        return str(getattr(value, "__module__", ""))
    except Exception:  # noqa: BLE001 a plugin's object may answer anything
        return ""


def _inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _file_of(name: str) -> str | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    return file if isinstance(file, str) and os.path.isabs(file) else None


def _source_of(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    if os.path.basename(folder) == "__pycache__" and name.endswith(".pyc"):
        return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")
    return os.path.join(folder, name)


def _representative(file: str, name: str, own: str) -> str:
    """The file itself; for an installed library its top-level file, which every install writes anew."""
    top = name.partition(".")[0]
    if top != own.partition(".")[0] and ("site-packages" in file or "dist-packages" in file):
        return _file_of(top) or file
    return file


def _search_path() -> set[str]:
    return {os.path.abspath(entry or ".") for entry in sys.path}


def _package_path(module: types.ModuleType | None) -> list[str]:
    try:
        return [str(folder) for folder in getattr(module, "__path__", ())]
    except Exception:  # noqa: BLE001 whatever a plugin has put into sys.modules
        return []


def _is_installed(path: str) -> bool:
    """Whether it came with an installed distribution, whose metadata every install writes anew."""
    return any(part in {"site-packages", "dist-packages"} for part in Path(path).parts)


def _is_standard(path: str) -> bool:
    return path.startswith(os.path.dirname(os.__file__) + os.sep) and not _is_installed(path)


def _is_data(path: str) -> bool:
    """A file or folder outside of every library that a plugin has read, as in the project of an editable install."""
    is_code = path.endswith((".py", ".pyc"))
    return not (is_code or path.startswith(_VOLATILE) or _is_installed(path) or _is_standard(path))
