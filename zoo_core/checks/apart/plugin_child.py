"""A process of its own in which a plugin is imported and watched: what it loads, opens, writes, asks, and how long."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import sys
import time
import types
from typing import Any

import zoo_core
from zoo_core.discovery.entry_points import module_of
from zoo_core.discovery.offers import PluginError, load_offers
from zoo_core.plugin_faults import line_of

from .own_process import NETWORK

HEAVY = (
    "torch",
    "torchvision",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "tensorflow",
    "jax",
    "matplotlib",
    "scipy",
    "pandas",
)
"""Packages that take from a tenth of a second to several seconds to import."""

_CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
    "os.utime",
)
_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")


def watch_import(value: str, *, own_files: str) -> dict[str, Any]:
    """Import what an entry point names, then ask its hooks: `{seconds, heavy, imported_at, network, written, processes,
    shadowed}`.

    `seconds` are of the import, of the processor, without what the zoo has loaded before any plugin. `own_files` is a
    folder where Python keeps the compiled files of what is watched.
    """
    for name in zoo_core.__all__:
        if name != "load_run":  # brings training, of which declaring needs nothing
            getattr(zoo_core, name)
    # From here on compiled files have a place of their own: the first import makes them, others take what users feel.
    sys.pycache_prefix, sys.dont_write_bytecode = own_files, False
    module = module_of(value)
    seen = _Seen(own_files, package=module.partition(".")[0])
    sys.addaudithook(seen.hear)
    start = time.process_time()
    package = importlib.import_module(module)
    seconds = time.process_time() - start
    with contextlib.suppress(PluginError):  # the rule `loads` says so
        load_offers(value)
    seen.listening = False
    return {
        "seconds": seconds,
        "heavy": [name for name in HEAVY if name in sys.modules],
        "imported_at": seen.imported_at,
        "network": seen.network,
        "written": seen.written,
        "processes": seen.processes,
        "shadowed": shadowed_modules(package),
    }


def shadowed_modules(package: types.ModuleType) -> list[str]:
    """Submodules of the package that cannot be told from something else of their name in it.

    `from .fit import train` makes the submodule the package's attribute `fit`, and a function `fit` is gone.
    """
    names = [found.name for found in pkgutil.iter_modules(getattr(package, "__path__", []))]
    return [name for name in names if not isinstance(getattr(package, name, package), types.ModuleType)]


class _Seen:
    def __init__(self, own_files: str, *, package: str) -> None:
        self.listening = True
        self.imported_at: dict[str, str] = {}
        self._package = package
        self.network: list[str] = []
        self.written: list[str] = []
        self.processes: list[str] = []
        self._ours = (own_files, os.devnull)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.listening:
            return
        if event == "import":
            self._hear_import(str(arguments[0]))
        elif event in NETWORK:
            self.network.append(f"{event.removeprefix('socket.')}{_told(arguments)}")
        elif event in _PROCESSES:
            self.processes.append(str(arguments[0]) if arguments else event)
        elif event in _CHANGES or (event == "open" and _writes(arguments)):
            path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
            if path and not path.startswith(self._ours):
                self.written.append(path)

    def _hear_import(self, name: str) -> None:
        """Note the line of the plugin that first asks for a heavy package."""
        if name not in HEAVY or name in self.imported_at:
            return
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            if str(frame.f_globals.get("__name__", "")).partition(".")[0] == self._package:
                self.imported_at[name] = line_of(frame, frame.f_lineno)
                return
            frame = frame.f_back


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _told(arguments: tuple[Any, ...]) -> str:
    return str(tuple(each for each in arguments if isinstance(each, str | int | tuple)))
