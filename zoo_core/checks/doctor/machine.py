"""What this machine has: Python, packages against what the zoo asks for, folders that can be written, plugins."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo_core.data_root import default_root
from zoo_core.discovery.cache import cache_folder
from zoo_core.distributions import DamagedDistributionError, requirements_of, version_of
from zoo_core.installation import CORE, extra_with, install_command, own_distribution
from zoo_core.records import Record
from zoo_core.registry import Zoo
from zoo_core.runtime.vetting.known import state_folder
from zoo_core.version import __version__

Outcome = Literal["ok", "warning", "failed", "skipped"]

LITTLE_ROOM = 10_000_000_000
"""Bytes on the disk below which the next dataset or large export may not fit."""

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*(?:>=\s*(?P<least>[\d.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")
_NO_PURPOSE = ("all", "test", "docs", "foreign")
"""Extras that are sums of others, or what only developers need."""


@dataclass(frozen=True, kw_only=True)
class Row(Record):
    """One line of `zoo doctor`: what was looked at, what was found, and what to do about it."""

    stage: str
    outcome: Outcome
    detail: str
    hint: str = ""
    seconds: float | None = None


def environment_rows(zoo: Zoo) -> Iterator[Row]:
    """Everything that a model needs around it, each as a row; nothing is built or trained."""
    yield Row(stage="python", outcome="ok", detail=f"{platform.python_version()}, {platform.system()}, {_cores()}")
    yield Row(stage="zoo-core", outcome="ok", detail=__version__)
    yield from _packages()
    yield _folder("cache", cache_folder(), "ZOO_CACHE")
    yield _folder("state", state_folder(), "ZOO_STATE", needed=False)
    yield _folder("datasets", default_root("x").parent, "ZOO_DATA")
    yield _folder("here", Path.cwd(), None)
    yield from _plugins(zoo)


def _cores() -> str:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    return f"{count} processors" + (f", OMP_NUM_THREADS={threads}" if threads else "")


def _packages() -> Iterator[Row]:
    """A row for each package that the zoo asks for, by itself or with an extra."""
    wanted: dict[str, tuple[str, str]] = {}
    try:
        own = own_distribution()
        requirements = [] if own is None else requirements_of(own)
    except DamagedDistributionError as error:
        yield Row(stage=CORE, outcome="failed", detail=str(error), hint=f"{install_command()} --force-reinstall")
        return
    for text in requirements:
        match, of_extra = _REQUIREMENT.match(text), _EXTRA.search(text)
        extra = of_extra["extra"] if of_extra else ""
        if match is None or match["name"] == CORE or extra in _NO_PURPOSE:
            continue
        wanted.setdefault(match["name"], (match["least"] or "", extra))
    for name, (least, extra) in wanted.items():
        yield _package(name, least=least, extra=extra)


def _package(name: str, *, least: str, extra: str) -> Row:
    command = f"pip install -U {name}"
    if extra:
        command = install_command(extra_with(name, distribution=CORE) or extra)
    if (present := version_of(name)) is None:
        outcome: Outcome = "warning" if extra else "failed"
        return Row(stage=name, outcome=outcome, detail="not installed", hint=command)
    if not present:
        command = f"pip install --force-reinstall {name}"
        return Row(stage=name, outcome="warning", detail="its metadata are damaged: no version in them", hint=command)
    if least and _numbers(present) < _numbers(least):
        return Row(stage=name, outcome="failed", detail=f"{present}, but {least} or newer is needed", hint=command)
    return Row(stage=name, outcome="ok", detail=present)


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def _folder(stage: str, folder: Path, variable: str | None, *, needed: bool = True) -> Row:
    """A folder that is written to; one that is not `needed` holds what makes things faster."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    hint = f"another folder with {variable}=DIR" if variable else "go to a folder of your own"
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        without: Outcome = "failed" if needed else "warning"
        return Row(stage=stage, outcome=without, detail=f"{folder} cannot be written: {error.strerror}", hint=hint)
    outcome: Outcome = "warning" if free < LITTLE_ROOM else "ok"
    return Row(
        stage=stage, outcome=outcome, detail=f"{folder}, {free / 1e9:.0f} GB free", hint="" if outcome == "ok" else hint
    )


def _plugins(zoo: Zoo) -> Iterator[Row]:
    usable = [plugin for plugin in zoo.plugins if plugin.status in {"ok", "slow"}]
    yield Row(stage="plugins", outcome="ok", detail=f"{len(usable)} of {len(zoo.plugins)} can be used")
    for plugin in zoo.plugins:
        if plugin.problem is not None:
            outcome: Outcome = "failed" if plugin.status == "broken" else "warning"
            hint = f"zoo check plugin:{plugin.id}"
            if plugin.extra is not None:  # a choice of whoever has installed the zoo
                outcome, hint = "skipped", str(plugin.hint)
            yield Row(stage=plugin.id, outcome=outcome, detail=plugin.problem, hint=hint)
