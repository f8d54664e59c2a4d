"""The parent's side of a cold discovery: feeds a child process, watches the clock, and goes on after a crash."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from zoo_core.children.parent import GRACE_SECONDS, Child, ending_of

from .cache import stat_all
from .entry_points import module_of
from .mending import mended
from .place import place_in_report

_SLOW_SECONDS = 1.0
_SLOW_HINT = "what it imports at the top of its modules belongs in its builders: tell its authors"

Point = dict[str, Any]
Record = dict[str, Any]


def read_plugins(
    points: Sequence[Point], *, modules: Sequence[str], timeout: float, environment: int
) -> dict[str, Record]:
    """The records of `points`, by id, each with what the cache needs to know. `timeout` in seconds, per plugin."""
    records = _read(points, modules=modules, timeout=timeout)
    slow = [p for p in points if records[p["id"]]["status"] == "ok" and records[p["id"]]["seconds"] > _SLOW_SECONDS]
    if slow:
        # The first time may have compiled files or waited for the disk; only twice slow is slow.
        for name, again in _read(slow, modules=modules, timeout=timeout).items():
            if again["status"] != "ok" or again["seconds"] < records[name]["seconds"]:
                records[name] = again
            if records[name]["status"] == "ok" and (seconds := records[name]["seconds"]) > _SLOW_SECONDS:
                records[name].update(status="slow", problem=f"loading it takes {seconds:.1f} s", hint=_SLOW_HINT)
    now = time.time()
    for point in points:
        record = records[point["id"]]
        record.update(mended(record, distribution=point["distribution"]))
        record.update(point=point, environment=environment, time=now)
    return records


def _read(points: Sequence[Point], *, modules: Sequence[str], timeout: float) -> dict[str, Record]:
    records: dict[str, Record] = {}
    waiting = list(points)
    while waiting:
        with _Child(waiting, modules=[module_of(value) for value in modules], timeout=timeout) as child:
            found, current = child.read()
            for number, record in found.items():
                records[waiting[number]["id"]] = record
            left = [point for number, point in enumerate(waiting) if number not in found]
            if current is not None:
                suspect = waiting[current]
                left.remove(suspect)
                if found and not child.place_in(suspect):
                    # It may be what another plugin left behind, a thread or an alarm: once more, before all others.
                    left.insert(0, suspect)
                else:
                    records[suspect["id"]] = _failed(suspect, *child.what_happened(suspect))
            elif left:
                # Not one plugin's fault: the child cannot even start. Said of each, for there is no other place.
                records.update((point["id"], _failed(point, *child.why_not_started())) for point in left)
                left = []
        waiting = left
    return records


def _failed(point: Point, problem: str, hint: str) -> Record:
    return {
        "status": "broken",
        "problem": problem,
        "hint": hint,
        "entries": [],
        "commands": [],
        "events": [],
        "seconds": None,
        "files": stat_all(source_files(module_of(point["value"]))),
        "absent": [],
    }


def source_files(module: str) -> set[str]:
    """The Python files of a module and, if it is a package, of everything in it; found without importing it."""
    paths: Sequence[str] | None = None
    found: set[str] = set()
    for depth in range(1, module.count(".") + 2):
        name = ".".join(module.split(".")[:depth])
        try:
            spec = PathFinder.find_spec(name, paths)
        except (ImportError, ValueError):
            return found
        if spec is None:
            return found
        if spec.origin and os.path.isabs(spec.origin):
            found.add(spec.origin)
        paths = list(spec.submodule_search_locations or [])
    for folder in paths or []:
        found |= {str(path) for path in list(Path(folder).rglob("*.py"))[:500]}
    return found


class _Child(Child):
    """One child process that loads plugins."""

    def __init__(self, points: Sequence[Point], *, modules: Sequence[str], timeout: float) -> None:
        self.timeout = timeout
        self.hangs = False
        self.expected = len(points)
        task = {"values": [point["value"] for point in points], "modules": list(modules), "timeout": timeout}
        super().__init__("zoo_core.discovery.cold_child:main", task, environment={"ZOO_DISCOVERING": "1"})

    def read(self) -> tuple[dict[int, Record], int | None]:
        """The records by number, and the number of the plugin at which the child stopped."""
        found: dict[int, Record] = {}
        current: int | None = None
        while len(found) < self.expected:
            try:
                message = self.message(self.timeout + GRACE_SECONDS)
            except TimeoutError:
                self.hangs = True
                return found, current
            if message is None:
                return found, current
            if "begin" in message:
                current = message["begin"]
            else:
                found[message["end"]], current = message["record"], None
        return found, None

    def what_happened(self, point: Point) -> tuple[str, str]:
        """Why the child stopped while it loaded this plugin, where in the plugin's files, and what to do."""
        code = None if self.hangs else self.exit_code()
        place = self.place_in(point)
        if self.hangs or self.alarm_rang:
            problem = f"it is not loaded after {self.timeout:g} s (ZOO_PLUGIN_TIMEOUT){place}"
            return problem, f"if it only needs longer: ZOO_PLUGIN_TIMEOUT={3 * self.timeout:g} zoo plugins"
        hint = f"to see it happen: python -X faulthandler -c 'import {module_of(point['value'])}'"
        if code is None:
            return f"it closes the connection to the process that loads it{place}", hint
        return f"its process {ending_of(code)} while it is being loaded{place}", hint

    def place_in(self, point: Point) -> str:
        """Where in this plugin's files the child stopped, as ` (package/file.py:12)`; empty where that is not known."""
        return place_in_report(self.report, module_of(point["value"]))

    def why_not_started(self) -> tuple[str, str]:
        """Why the child stopped before it loaded anything, and what to do."""
        lines = self.report.strip().splitlines()
        problem = f"the process that loads plugins cannot start: {lines[-1] if lines else 'it says nothing'}"
        return problem, f"see whether this works: {sys.executable} -c 'import zoo_core'"
