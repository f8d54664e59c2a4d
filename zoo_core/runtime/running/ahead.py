"""Inputs that are read by threads while others are run: in their order, and never many at a time."""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from zoo_core.environment import usable_processors

T = TypeVar("T")
R = TypeVar("R")

_END = None
_LONGEST_WAIT = 1.0
"""Seconds that the end waits for what is being read: a file on a disk that does not answer holds nobody up."""


class _Work(Generic[T, R]):
    """One thing to read, and what came of it."""

    def __init__(self, given: T) -> None:
        self.given = given
        self._done = threading.Event()
        self._result: R | None = None
        self._error: BaseException | None = None

    def do(self, read: Callable[[T], R], *, catching: type[BaseException]) -> None:
        """Read it. An error of that kind waits for whoever asks for the result."""
        try:
            self._result = read(self.given)
        except catching as error:
            self._error = error
        self._done.set()

    def result(self) -> R:
        """What was read, once it is. Raises its error."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # R may be None itself


class Reading(Generic[T, R]):
    """The results of `read` for everything that is given, in order; a context manager, whose end ends its threads.

    There are as many threads as processors, from the first time on that several things are wanted at once; with one
    processor there are none. Those things for which `here` is True are read by the thread that asks for them.
    """

    def __init__(self, given: Iterable[T], read: Callable[[T], R], *, here: Callable[[T], bool]) -> None:
        self._given = iter(given)
        self._read = read
        self._here = here
        self._most = usable_processors()
        self._waiting: collections.deque[_Work[T, R]] = collections.deque()
        self._todo: queue.SimpleQueue[_Work[T, R] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._may_read = threading.Event()
        self._may_read.set()

    def __enter__(self) -> Reading[T, R]:
        return self

    def __exit__(self, *ending: object) -> None:
        self._stopped = True
        self._may_read.set()
        for _ in self._threads:
            self._todo.put(_END)
        last = time.monotonic() + _LONGEST_WAIT
        for thread in self._threads:
            thread.join(timeout=max(0.0, last - time.monotonic()))

    def taken(self, count: int, *, ahead: int = 0) -> list[tuple[T, R]]:
        """The next `count` things with their results, fewer at the end; then up to `ahead` more are being read."""
        self._take(count)
        due = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        if self._most > 1:
            self._take(ahead)
        return [(work.given, work.result()) for work in due]

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """No thread begins to read while the block runs, which needs all processors itself: its threads wait for each
        other, and each of them would wait for one that a reader has put aside."""
        self._may_read.clear()
        try:
            yield
        finally:
            self._may_read.set()

    def _take(self, count: int) -> None:
        """So many things are on their way, as long as there are any."""
        while len(self._waiting) < count:
            try:
                work: _Work[T, R] = _Work(next(self._given))
            except StopIteration:
                return
            self._waiting.append(work)
            self._begin(work, several=count > 1)

    def _begin(self, work: _Work[T, R], *, several: bool) -> None:
        if self._most < 2 or self._here(work.given) or not (several or self._threads):
            work.do(self._read, catching=Exception)
            return
        self._todo.put(work)
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name="zoo-reader", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (work := self._todo.get()) is not _END:
            self._may_read.wait()
            if self._stopped:
                return
            work.do(self._read, catching=BaseException)  # else nobody would ever be done waiting for it
