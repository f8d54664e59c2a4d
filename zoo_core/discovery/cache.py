"""The catalogue on the disk: what each plugin offered, and everything that must be unchanged for it to hold."""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from zoo_core.version import __version__

FORMAT = 1
RETRY_SECONDS = 600
"""How long a failure is remembered. It may have come from outside (a lock, a network drive), unlike an answer."""

_MOST_FILES = 24


def cache_folder() -> Path:
    """Where caches live: `ZOO_CACHE`, or the user's cache folder."""
    if folder := os.environ.get("ZOO_CACHE"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("zoo"))


def cache_path(what: str = "catalogue") -> Path:
    """One file for each Python and search path: environments do not push each other out."""
    place = "\n".join([sys.version, sys.prefix, *sys.path])
    return cache_folder() / f"{what}-{zlib.crc32(place.encode()):08x}.json"


def read_cache(path: Path) -> dict[str, Any]:
    """What was written last, if it is whole and of this very core; otherwise empty."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        if head.decode("ascii") != f"{FORMAT} {zlib.crc32(body):08x}":
            return {}
        data = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) and data.get("core") == core_fingerprint() else {}


def write_cache(path: Path, data: dict[str, Any]) -> None:
    """Write it whole or not at all; a folder that cannot be written only means a slower next time."""
    from zoo_core.errors import ZooError
    from zoo_core.files import write_atomic

    body = json.dumps({**data, "core": core_fingerprint()}).encode()
    try:
        write_atomic(path, f"{FORMAT} {zlib.crc32(body):08x}\n".encode() + body)
        kind = path.name.partition("-")[0]
        old = sorted(path.parent.glob(f"{kind}-*.json"), key=lambda file: file.stat().st_mtime)
        for file in old[:-_MOST_FILES]:
            file.unlink(missing_ok=True)
    except (OSError, ZooError):
        return


def core_fingerprint() -> list[Any]:
    """Version, and mtime and size of the core's own files: an edited core reads every plugin anew."""
    here = os.path.dirname(__file__)
    files = []
    for folder in (here, os.path.dirname(here)):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    files.append([entry.name, status.st_mtime_ns, status.st_size])
    return [__version__, sorted(files)]


def installed_fingerprint() -> list[Any]:
    """Changes whenever a distribution comes, goes or is replaced: every `entry_points.txt` on the search path."""
    found: list[Any] = []
    for folder in dict.fromkeys(entry or "." for entry in sys.path):
        try:
            with os.scandir(folder) as entries:
                names = [e.name for e in entries if e.name.endswith((".dist-info", ".egg-info", ".egg-link", ".egg"))]
        except OSError:
            names = []
        found.append([folder, _stamp(folder)])
        for name in sorted(names):
            # pip writes these anew with every install; an .egg-info folder has PKG-INFO
            files = ("entry_points.txt", "METADATA" if name.endswith(".dist-info") else "PKG-INFO")
            found.append([name, *(_stamp(os.path.join(folder, name, file)) for file in files)])
    return found


def stat_all(paths: set[str]) -> dict[str, list[int]]:
    """mtime (ns) and size of each path; `[-1, -1]` for what is not there."""
    return {path: _stamp(path) or [-1, -1] for path in sorted(paths)}


def _stamp(path: str) -> list[int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def holds(record: dict[str, Any], *, environment: int) -> bool:
    """Whether a plugin's record is still what the plugin would answer now."""
    for path, stamp in record["files"].items():
        if (_stamp(path) or [-1, -1]) != stamp:
            return False
    if record["environment"] == environment:
        return record["status"] in {"ok", "slow"} or 0 <= time.time() - record["time"] < RETRY_SECONDS
    if record["status"] not in {"ok", "slow"}:
        return False
    return not any(_installed_now(name) for name in record["absent"])


def _installed_now(module: str) -> bool:
    from importlib.machinery import PathFinder

    top = module.partition(".")[0]
    return top in sys.modules or PathFinder.find_spec(top) is not None
