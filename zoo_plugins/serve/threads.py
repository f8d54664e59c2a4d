"""Work in threads of its own, of which only so much may wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .batcher import QueueFullError

T = TypeVar("T")


class BoundedThreads:
    """So many threads, and a queue of at most so many pieces of work; belongs to the event loop that it is made in."""

    def __init__(self, threads: int, *, waiting: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="zoo-predict")
        self._most = threads + waiting
        self._under_way: set[asyncio.Future[object]] = set()

    def put(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What the work gives, to come; cancelled before it has begun, it never does. Raises QueueFullError."""
        if len(self._under_way) >= self._most:
            raise QueueFullError(len(self._under_way))
        future = self._loop.run_in_executor(self._threads, work)
        self._under_way.add(future)  # type: ignore[arg-type]  # nobody looks at the result here
        future.add_done_callback(self._under_way.discard)
        return future

    async def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._threads.shutdown(wait=False)
