"""Processes that read samples beside the one that trains: they are given small tasks, and leave rows in shared memory.

They begin without torch and without what this program is made of, and end with it, however that ends. Tasks and answers
are lines of JSON; rows go through a file in memory that all of them map.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from zoo_core.children.parent import ending_of
from zoo_core.errors import UsageError, ZooError

from .row_work import do_work, error_from
from .sample_readers import SampleReader

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from zoo_core.data.crew_child import serve; serve()"
)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ROOM_STEP = max(1 << 16, mmap.ALLOCATIONGRANULARITY)
_END_SECONDS = 0.5


@dataclass(frozen=True)
class Work:
    """An answer to come: `answer()` waits for it. `room` holds what was asked for; whoever has taken it says `done`."""

    future: Future[dict[str, Any]]
    room: memoryview | None
    done: Any

    def give_back(self, _: Future[dict[str, Any]]) -> None:
        """What comes of it is not wanted any more."""
        self.done()

    def answer(self) -> dict[str, Any]:
        """What the process says. Raises ZooError where it could not do what it was asked."""
        found = self.future.result()
        if "error" in found:
            kind, message, hint = found["error"]
            raise UsageError(message, hint=hint) if kind == "usage" else error_from(kind, message, hint)
        return found


class Crew(Protocol):
    """Who reads samples. `size`: how many tasks are done at a time."""

    size: int

    def do(self, reader: SampleReader, task: Mapping[str, Any], *, room: int = 0) -> Work:
        """Give a task to whoever has least to do; with so many bytes of `room` for what comes of it."""


def crew_for(reader: SampleReader, workers: int) -> Crew:
    """So many processes, the same for all who ask; threads of this one for a stream that others do not find, and on
    systems that hand down no open files."""
    if workers > 0 and os.name == "posix" and reader.opened is None:
        return _processes(workers, os.getpid())
    return _threads(max(1, workers))


@functools.cache
def _processes(size: int, owner: int) -> Crew:
    """Those of this process: a copy of it, which somebody has forked, has its own."""
    return _Processes(size, owner)


@functools.cache
def _threads(size: int) -> Crew:
    return _Threads(size)


class _Threads:
    """Threads of this process."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(size, "zoo-reader")

    def do(self, reader: SampleReader, task: Mapping[str, Any], *, room: int = 0) -> Work:
        own = memoryview(bytearray(room)) if room else None
        return Work(self._pool.submit(do_work, reader, task, own), own, lambda: None)


class _Processes:
    """Processes of their own, for the process `owner`; what they have not answered when they end, fails."""

    def __init__(self, size: int, owner: int) -> None:
        self.size = size
        self._owner = owner
        self._memory = _SharedMemory()
        self._members = [_Member(self._memory.file) for _ in range(size)]
        atexit.register(self.close)

    def do(self, reader: SampleReader, task: Mapping[str, Any], *, room: int = 0) -> Work:
        place, own = self._memory.take(room) if room else (None, None)
        future = min(self._members, key=lambda member: member.open).send(reader, {**task, "room": place})
        return Work(future, own, functools.partial(self._memory.give_back, place))

    def close(self) -> None:
        if os.getpid() == self._owner:
            for member in self._members:
                member.close()


class _Member:
    """One process, and the thread that hears what it says."""

    def __init__(self, memory: int) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Future[dict[str, Any]]] = []
        self._known: set[str] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
            pass_fds=(memory,),
        )
        self._say(sys.path)
        self._say({"memory": memory})
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def open(self) -> int:
        return len(self._waiting)

    def send(self, reader: SampleReader, task: Mapping[str, Any]) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            self._waiting.append(future)
            # Described once: a recipe may have learnt much. Where modules are found may have changed since it began.
            new = {} if reader.key in self._known else {"described": reader.describe(), "path": sys.path}
            self._known.add(reader.key)
            try:
                self._say({**task, "reader": reader.key, **new})
            except OSError:
                self._fail_all()
        return future

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END_SECONDS)
        self._process.kill()

    def _say(self, message: Any) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout or ():
                answer = json.loads(line)
                with self._lock:
                    future = self._waiting.pop(0)
                future.set_result(answer)
        with self._lock:
            self._fail_all()

    def _fail_all(self) -> None:
        ended = ending_of(self._process.wait())
        for future in self._waiting:
            future.set_exception(
                ZooError(f"a process that reads samples {ended}", hint="-t workers=0 reads them in this process")
            )
        self._waiting.clear()


class _SharedMemory:
    """A file in memory, and the places in it that are free."""

    def __init__(self) -> None:
        self.file = _memory_file()
        self._lock = threading.Lock()
        self._end = 0
        self._free: list[tuple[int, int]] = []
        self._mapped: dict[tuple[int, int], memoryview] = {}

    def take(self, size: int) -> tuple[tuple[int, int], memoryview]:
        """A place of at least this size, and its bytes."""
        with self._lock:
            large = [place for place in self._free if place[1] >= size]
            if large:
                place = min(large, key=lambda each: each[1])
                self._free.remove(place)
            else:
                place = (self._end, -(-size // _ROOM_STEP) * _ROOM_STEP)
                self._end += place[1]
                os.ftruncate(self.file, self._end)
                self._mapped[place] = memoryview(mmap.mmap(self.file, place[1], offset=place[0]))
            return place, self._mapped[place][:size]

    def give_back(self, place: tuple[int, int] | None) -> None:
        if place is not None:
            with self._lock:
                self._free.append(place)


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("zoo-rows")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
