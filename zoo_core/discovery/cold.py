"""The parent's side of a cold discovery: feeds a child process, watches the clock, and goes on after a crash."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Literal

from zoo_core.children.parent import GRACE_SECONDS, Child, ending_of

from .cache import stat_all
from .entry_points import module_of
from .mending import mended
from .place import place_in_report
from .record_form import is_record

_SLOW_SECONDS = 1.0
_USUAL = "tell its authors; ZOO_PLUGINS can leave it out"
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
        record.update(mended(record, distribution=point["distribution"], entry=point["entry"]))
        record.update(point=point, environment=environment, time=now)
    return records


def _read(points: Sequence[Point], *, modules: Sequence[str], timeout: float) -> dict[str, Record]:
    """One process for all, as long as nothing but clean answers comes from it; another one for those that are left."""
    records: dict[str, Record] = {}
    doubtful: list[Point] = []
    waiting = list(points)
    while waiting:
        with _Child("main", waiting, modules=modules, timeout=timeout) as child:
            found, current = child.read()
            for number, record in found.items():
                records[waiting[number]["id"]] = record
                if number and _is_doubtful(record):
                    doubtful.append(waiting[number])
            left = [point for number, point in enumerate(waiting) if number not in found]
            if current is not None:
                suspect = waiting[current]
                left.remove(suspect)
                if found and not child.place_in(suspect):
                    # It may be what another plugin left behind, a thread or an alarm: once more, before all others.
                    left.insert(0, suspect)
                else:
                    records[suspect["id"]] = _failed(suspect, *child.what_happened(suspect))
            elif left and not found:
                # Not one plugin's fault: the child cannot even start. Said of each, for there is no other place.
                records.update((point["id"], _failed(point, *child.why_not_started())) for point in left)
                left = []
        waiting = left
    return records | _looked_at_again(doubtful, modules=modules, timeout=timeout)


def _is_doubtful(record: Record) -> bool:
    """Whether the fault may be that of a plugin that was loaded before it in the same process."""
    if record["status"] == "unavailable" and record["absent"]:
        return all(PathFinder.find_spec(name.partition(".")[0]) is not None for name in record["absent"])
    return bool(record["status"] != "ok")


def _looked_at_again(points: Sequence[Point], *, modules: Sequence[str], timeout: float) -> dict[str, Record]:
    """Records of plugins that were loaded where no other one was, as far as they come to their end there."""
    # Without copies of a process, each has one that is started for it.
    size = len(points) if hasattr(os, "fork") else 1
    call: Literal["main", "apart"] = "apart" if hasattr(os, "fork") else "main"
    records: dict[str, Record] = {}
    waiting = list(points)
    while waiting:
        with _Child(call, waiting[:size], modules=modules, timeout=timeout) as child:
            found, _ = child.read()
        records.update((waiting[number]["id"], record) for number, record in found.items() if record is not None)
        waiting = waiting[max(found, default=-1) + 1 if found else 1 :]
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
    """One child process that loads plugins; nothing that it says is believed but in its form and order."""

    def __init__(
        self, call: Literal["main", "apart"], points: Sequence[Point], *, modules: Sequence[str], timeout: float
    ) -> None:
        self.timeout = timeout
        self.hangs = False
        self.is_garbled = False
        self.expected = len(points)
        names = [module_of(value) for value in modules]
        task = {"values": [point["value"] for point in points], "modules": names, "timeout": timeout}
        super().__init__(f"zoo_core.discovery.cold_child:{call}", task, environment={"ZOO_DISCOVERING": "1"})
        self.may_have_none = call == "apart"

    def read(self) -> tuple[dict[int, Any], int | None]:
        """The records by number, and the number of the plugin at which the child stopped."""
        found: dict[int, Any] = {}
        while len(found) < self.expected:
            current = len(found)
            if self._next() != {"begin": current}:
                return found, None
            end = self._next()
            self.is_garbled = end is not None and not self._is_end(end, current)
            if end is None or self.is_garbled:
                return found, current
            found[current] = end["record"]
        return found, None

    def _next(self) -> dict[str, Any] | None:
        """The next message; None when none comes."""
        try:
            return self.message(self.timeout + GRACE_SECONDS)
        except TimeoutError:
            self.hangs = True
            return None

    def _is_end(self, message: Mapping[str, Any], number: int) -> bool:
        if message.keys() != {"end", "record"} or message["end"] != number:
            return False
        return is_record(message["record"]) or (self.may_have_none and message["record"] is None)

    def what_happened(self, point: Point) -> tuple[str, str]:
        """Why the child stopped while it loaded this plugin, where in the plugin's files, and what to do."""
        if self.is_garbled:
            return "what the process says that loads it is not what the zoo says there", _USUAL
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
