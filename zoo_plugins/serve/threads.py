"""Worker threads beside the event loop, and a queue before them of which only so much may wait."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

from zoo_core import ZooError
from zoo_core.commands import note

from .refusals import QueueFullError

T = TypeVar("T")
_Job = tuple[Callable[[], object], Callable[[object], None]]


class WorkerThreads:
    """So many threads that work for the event loop in which they are made.

    They end with the process, whatever they are doing: a run of onnxruntime cannot be stopped, and must stop nobody.
    """

    def __init__(self, count: int, *, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            _Worker(self._loop, self._jobs, name=name).start()

    def run(self, work: Callable[[], T], then: Callable[[T | BaseException], None]) -> None:
        """Do the work in a thread, and then call `then` in the event loop with its result or its exception."""
        self._jobs.put((work, then))  # type: ignore[arg-type]  # each job has a type of its own

    def end(self) -> None:
        """End the threads, each when it is done with what it does."""
        for _ in range(self._count):
            self._jobs.put(None)


class _Worker(threading.Thread):
    """One of the threads; `is_busy` while it does something."""

    def __init__(self, loop: asyncio.AbstractEventLoop, jobs: queue.SimpleQueue[_Job | None], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._loop = loop
        self._jobs = jobs
        self.is_busy = False

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self.is_busy = True
            work, then = job
            try:
                result: object = work()
            except BaseException as error:  # noqa: BLE001 whatever it is, somebody waits for it
                result = error
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(then, result)
            del job, work, then, result  # what was answered is not kept until the next job
            self.is_busy = False


@contextmanager
def ending_though_busy() -> Iterator[None]:
    """End the process at once after what is inside, where a thread is still busy with what nobody can stop.

    Python would end orderly under its feet, and onnxruntime would abort the process.
    """
    try:
        yield
    except ZooError as error:
        if not _somebody_is_busy():
            raise
        note(f"Error: {error.message}", *([f"Hint: {error.hint}"] if error.hint else []))
        _leave(error.exit_code)
    except KeyboardInterrupt:
        if not _somebody_is_busy():
            raise
        _leave(130)
    if _somebody_is_busy():
        _leave(0)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _somebody_is_busy() -> bool:
    return any(isinstance(thread, _Worker) and thread.is_busy for thread in threading.enumerate())


class BoundedWork:
    """Pieces of work in threads of their own, of which at most so many wait; told of is one that takes too long."""

    def __init__(self, threads: int, *, waiting: int, seconds: float, on_overdue: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = WorkerThreads(threads, name="zoo-predict")
        self._most = threads + waiting
        self._seconds = seconds
        self._on_overdue = on_overdue
        self._under_way: dict[asyncio.Future[Any], asyncio.TimerHandle | None] = {}

    def put(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What the work gives, to come; cancelled before it has begun, it never does. Raises QueueFullError."""
        if len(self._under_way) >= self._most:
            raise QueueFullError(len(self._under_way))
        future: asyncio.Future[Any] = self._loop.create_future()
        self._under_way[future] = None

        def unless_cancelled() -> T | None:
            if future.cancelled():
                return None
            self._loop.call_soon_threadsafe(self._begin, future)
            return work()

        self._threads.run(unless_cancelled, partial(self._end, future))
        return future

    async def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._threads.end()

    def abandon(self, error: Exception) -> None:
        """Nobody waits any more for what is under way: it fails with the error."""
        for future, overdue in list(self._under_way.items()):
            if overdue is not None:
                overdue.cancel()
            if not future.done():
                future.set_exception(error)
        self._threads.end()

    def _begin(self, future: asyncio.Future[Any]) -> None:
        if future in self._under_way:
            self._under_way[future] = self._loop.call_later(self._seconds, self._on_overdue)

    def _end(self, future: asyncio.Future[Any], result: object) -> None:
        overdue = self._under_way.pop(future)
        if overdue is not None:
            overdue.cancel()
        if future.done():
            return  # who asked has left
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
