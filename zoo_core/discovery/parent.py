"""The parent's side of a cold discovery: feeds a child process, watches the clock, and goes on after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO, Any

from .cache import stat_all
from .plugins import module_of

_SLOW_SECONDS = 1.0
_SLOW_HINT = "what it imports at the top of its modules belongs into its builders: tell its authors"
_GRACE_SECONDS = 10.0  # the child's own alarm comes first, and knows where the plugin hangs

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.readline()); "
    "from zoo_core.discovery.child import main; main()"
)
_LONGEST_REPORT = 1_000_000
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

Point = dict[str, str]
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
        records[point["id"]].update(point=point, environment=environment, time=now)
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


class _Child:
    """One child process and the threads that read what it says, so that a clock can be watched meanwhile.

    What it says of a crash goes through a pipe as well, and into no file: on a full disk too, plugins are listed.
    """

    def __init__(self, points: Sequence[Point], *, modules: Sequence[str], timeout: float) -> None:
        self.timeout = timeout
        self.hangs = False
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "ZOO_DISCOVERING": "1"},
            start_new_session=True,
        )
        task = {"values": [point["value"] for point in points], "modules": list(modules), "timeout": timeout}
        self.expected = len(points)
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._feed(self.process.stdin, f"{json.dumps(sys.path)}\n{json.dumps(task)}".encode())
        self.crash_text = bytearray()
        self.readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._pump, self.process.stdout), (self._keep, self.process.stderr))
        ]
        for reader in self.readers:
            reader.start()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *exception: object) -> None:
        # The whole group: a plugin may have started processes of its own.
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        for reader, pipe in zip(self.readers, (self.process.stdout, self.process.stderr), strict=True):
            reader.join(timeout=1)
            if pipe is not None and not reader.is_alive():
                pipe.close()

    @staticmethod
    def _feed(pipe: IO[bytes] | None, data: bytes) -> None:
        if pipe is not None:
            with contextlib.suppress(OSError), pipe:
                pipe.write(data)

    def _pump(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                self.lines.put(line)
        self.lines.put(None)

    def _keep(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                if len(self.crash_text) < _LONGEST_REPORT:
                    self.crash_text += line

    def read(self) -> tuple[dict[int, Record], int | None]:
        """The records by number, and the number of the plugin at which the child stopped."""
        found: dict[int, Record] = {}
        current: int | None = None
        while len(found) < self.expected:
            try:
                line = self.lines.get(timeout=self.timeout + _GRACE_SECONDS)
            except queue.Empty:
                self.hangs = True
                return found, current
            if line is None:
                return found, current
            try:
                message = json.loads(line)
                if "begin" in message:
                    current = int(message["begin"])
                else:
                    found[int(message["end"])], current = message["record"], None
            except (ValueError, KeyError, TypeError):
                continue  # a plugin that writes into every open file cannot be told from one that does not
        return found, None

    def what_happened(self, point: Point) -> tuple[str, str]:
        """Why the child stopped while it loaded this plugin, where in the plugin's files, and what to do."""
        text = self._crash_report()
        module = module_of(point["value"])
        place = self.place_in(point)
        if self.hangs or text.startswith("Timeout ("):
            problem = f"it is not loaded after {self.timeout:g} s (ZOO_PLUGIN_TIMEOUT){place}"
            return problem, f"if it only needs longer: ZOO_PLUGIN_TIMEOUT={3 * self.timeout:g} zoo plugins"
        hint = f"to see it happen: python -X faulthandler -c 'import {module}'"
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=_GRACE_SECONDS)
            if code < 0:
                return f"it crashes the process that loads it: {signal.Signals(-code).name}{place}", hint
            return f"it ends the process that loads it, with exit code {code}{place}", hint
        return f"it cuts the line to the process that loads it{place}", hint

    def place_in(self, point: Point) -> str:
        """Where in this plugin's files the child stopped, as ` (package/file.py:12)`; empty where that is not known."""
        return _place(self._crash_report(), module_of(point["value"]))

    def why_not_started(self) -> tuple[str, str]:
        """Why the child stopped before it loaded anything, and what to do."""
        lines = self._crash_report().strip().splitlines()
        problem = f"the process that loads plugins cannot start: {lines[-1] if lines else 'it says nothing'}"
        return problem, f"see whether this works: {sys.executable} -c 'import zoo_core'"

    def _crash_report(self) -> str:
        self.readers[1].join(timeout=1)  # it is whole when the child has ended
        return self.crash_text.decode(errors="replace")


def _place(text: str, module: str) -> str:
    """The innermost frame of faulthandler's report that lies in the plugin, as ` (package/file.py:12)`."""
    package = module.partition(".")[0]
    for match in _FRAME.finditer(text):
        parts = Path(match["file"]).with_suffix("").parts
        if package in parts:
            parts = Path(match["file"]).parts
            start = next(i for i, part in enumerate(parts) if part.removesuffix(".py") == package)
            return f" ({'/'.join(parts[start:])}:{match['line']})"
    return ""
