"""Ends a process that needs more memory or more time than it may."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .memory import memory_of

LOOK_SECONDS = 0.05
"""How often the memory is looked at: little enough that nothing fills a machine in between."""


class Watch:
    """A limit of memory for a process, and one of time for each step of its work; past either, it is killed.

    Memory that the process holds counts, in bytes. The addresses that it reserves do not, of which onnxruntime takes
    many times what it needs, nor do files that it maps. On systems that do not tell (other than Linux) no memory is too
    much. `exceeded` says in words what it took too much of, once it was killed for that, and `out_of_time` that it was
    time.
    """

    def __init__(self, process: subprocess.Popen[Any], *, memory: int | None) -> None:
        self._process = process
        self._memory = memory
        self.exceeded: str | None = None
        self.out_of_time = False

    @contextmanager
    def step(self, seconds: float) -> Iterator[None]:
        """Watch while the block waits for the process, at most so long."""
        over = threading.Event()
        watching = threading.Thread(target=self._look, args=(over, seconds), daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()

    def _look(self, over: threading.Event, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not over.wait(max(0.0, min(LOOK_SECONDS, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                self.out_of_time = True
                self._end(f"took more than {seconds:.3g} s")
                return
            if self._memory is not None and (memory_of(self._process.pid) or 0) > self._memory:
                self._end(f"needed more than {self._memory / 1e9:.2g} GB of memory")
                return

    def _end(self, why: str) -> None:
        if self._process.poll() is None:
            self.exceeded = why
            self._process.kill()
