"""Facts about where we are: package versions, the kind of machine, the commit of the working folder, variables."""

from __future__ import annotations

import importlib
import math
import os
import platform
import subprocess
from collections.abc import Iterable
from typing import Any

from .container_limit import processors_of_container
from .distributions import version_of
from .errors import UsageError


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those of the named distributions that are installed, and of Python."""
    versions = {"python": platform.python_version()}
    for name in names:
        if (version := version_of(name)) is not None:
            versions[name] = version
    return versions


def load_onnxruntime() -> Any:
    """The package onnxruntime, which is told first to report nothing: by itself it looks for a server of its maker's
    and keeps what it would send in the user's cache. `ORT_DISABLE_TELEMETRY=0` leaves it as it is."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return importlib.import_module("onnxruntime")  # 0.4 s, and commands that refuse a file never need it


def machine_kind() -> str:
    """System, architecture and number of usable processors; nothing that names one machine or person."""
    return f"{platform.system()} {platform.machine()}, {usable_processors()} processors"


def usable_processors() -> int:
    """Processors this process may run on, as far as a limit of its container lets it; a part of one counts as one."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = processors_of_container()
    return there if limit is None else max(1, min(there, math.ceil(limit)))


def seconds_from(variable: str, *, default: float) -> float:
    """The seconds that an environment variable gives. Raises UsageError when it is no number above 0, at most a day."""
    text = os.environ.get(variable, "") or f"{default:g}"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise UsageError(f"{variable} is a number of seconds above 0, not {text!r}")
    return seconds


def commit_of_working_folder() -> str | None:
    """The git commit of the current folder, with `+changes` when it is not clean; None outside a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        return f"{head}+changes" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
