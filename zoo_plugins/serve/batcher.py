"""Requests that come one by one, run together: asyncio and worker threads, nothing of HTTP.

A request goes into the queue of its kind: arrays of the same names, dtypes and shapes but for the first axis. A batch
starts as soon as a worker is free and a queue is due, which is when it has enough rows, or when its oldest request has
waited long enough. With a delay of 0 nobody ever waits for company: batches form while the workers are busy. Workers
that are free at the same time share what waits.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .batch import Answer, Arrays, Batch, Kind, Ticket, answers_of, checked_answers, kind_of
from .refusals import ClosedError, QueueFullError
from .threads import WorkerThreads

_SOON = 0.0
"""In the next turn of the loop, so that all requests that come in this one meet."""


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How requests are run together.

    A batch has at most so many `rows`, unless one request alone has more; 1 row, or not `joined`: each request runs by
    itself. `delay`: the longest in seconds that a request waits for others. At most so many requests, and so many
    bytes of them, are `waiting`; `workers` batches run at a time. One that runs for more than so many `seconds` is
    told of.
    """

    rows: int = 64
    delay: float = 0.0
    waiting: int = 256
    waiting_bytes: int = 1 << 29
    workers: int = 1
    joined: bool = True
    seconds: float = 86_400.0


@dataclass(frozen=True, kw_only=True)
class BatchSeen:
    """One batch that has run, to be counted: `waited` is how long its oldest request was in the queue, in seconds;
    `failed`: a request of it has an error for an answer."""

    requests: int
    rows: int
    waited: float
    ran: float
    failed: bool = False


class Batcher:
    """Runs requests together where that is allowed; belongs to the event loop in which it is made.

    `run` is called in a worker thread with arrays by name, and gives arrays by name, whose first axis are the same
    rows where requests are joined. `on_batch` is told of each batch, `on_overdue` of one that runs for too long.
    """

    def __init__(
        self,
        run: Callable[[Arrays], Arrays],
        *,
        limits: BatchLimits,
        on_batch: Callable[[BatchSeen], None] = lambda seen: None,
        on_overdue: Callable[[], None] = lambda: None,
    ) -> None:
        self._run = run
        self._limits = limits
        self._on_batch = on_batch
        self._on_overdue = on_overdue
        self._loop = asyncio.get_running_loop()
        self._threads = WorkerThreads(limits.workers, name="zoo-serve")
        self._numbers = itertools.count()
        self._queues: dict[Kind, deque[Ticket]] = {}
        self._running: dict[Batch, asyncio.TimerHandle] = {}
        self._waiting = self._waiting_bytes = 0
        self._looking: asyncio.Handle | None = None
        self._looking_at = _SOON
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return self._waiting

    def put(self, inputs: Arrays, *, rows: int) -> asyncio.Future[Arrays]:
        """The answer to come. Cancelling it takes the request out of the queue, or drops its answer.

        Raises QueueFullError, and ClosedError.
        """
        if self._closed:
            raise ClosedError("the model takes no requests any more")
        limits = self._limits
        if self._waiting >= limits.waiting or self._waiting_bytes >= limits.waiting_bytes:
            raise QueueFullError(self._waiting)
        future: asyncio.Future[Arrays] = self._loop.create_future()
        ticket = Ticket(next(self._numbers), inputs, rows, now=self._loop.time(), future=future)
        self._waiting += 1
        self._waiting_bytes += ticket.nbytes
        self._queues.setdefault(kind_of(inputs), deque()).append(ticket)
        self._idle.clear()
        future.add_done_callback(partial(self._leave, ticket))
        if self._free_workers:
            self._look_at(_SOON)
        return future

    async def close(self) -> None:
        """Take no more requests, answer those that are there, and end the worker threads."""
        self._closed = True
        self._look_at(_SOON)  # nobody waits for company that cannot come any more
        await self._idle.wait()
        self._threads.end()

    def abandon(self, error: Exception) -> None:
        """Take no more requests; those that wait or run fail with the error, and nobody waits for the threads."""
        self._closed = True
        waiting = [ticket for queue in self._queues.values() for ticket in queue]
        for ticket in (*waiting, *(ticket for batch in self._running for ticket in batch.tickets)):
            if not ticket.future.done():
                ticket.future.set_exception(error)
        for overdue in self._running.values():
            overdue.cancel()
        self._idle.set()
        self._threads.end()

    @property
    def _free_workers(self) -> int:
        """How many have nothing to do."""
        return self._limits.workers - len(self._running)

    def _leave(self, ticket: Ticket, _: object = None) -> None:
        """The ticket is out of the queue: taken into a batch, or given up by who asked."""
        if ticket.waiting:
            ticket.waiting = False
            self._waiting -= 1
            self._waiting_bytes -= ticket.nbytes
            if not self._waiting:
                self._look_at(_SOON)  # what is left in the queues has been given up

    def _look_at(self, when: float) -> None:
        """Look for batches at that time of the loop, unless that is done before."""
        if self._looking is not None:
            if self._looking_at <= when:
                return
            self._looking.cancel()
        self._looking_at = when
        self._looking = self._loop.call_soon(self._look) if when == _SOON else self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._looking = None
        now = self._loop.time()
        for kind in list(self._queues):
            queue = self._queues[kind]
            while queue and not queue[0].is_wanted:
                queue.popleft()
            if not queue:
                del self._queues[kind]
        while (free := self._free_workers) and (due := self._due(now)):
            self._start(due[0], now, workers=max(1, free // len(due)))
        if self._free_workers and (left := [queue[0].arrived for queue in self._queues.values() if queue]):
            self._look_at(min(left) + self._limits.delay)
        if not self._waiting and not self._running:
            self._idle.set()

    def _due(self, now: float) -> list[deque[Ticket]]:
        """The queues that are due, and first the one whose first request has waited longest."""
        limits = self._limits
        due = [
            queue
            for queue in self._queues.values()
            if queue
            and (
                not limits.joined
                or self._closed
                or queue[0].arrived + limits.delay <= now
                or _rows_wanted(queue) >= limits.rows
            )
        ]
        return sorted(due, key=lambda queue: queue[0].arrived)

    def _start(self, queue: deque[Ticket], now: float, *, workers: int) -> None:
        """Run what waits in the queue, shared out among so many workers."""
        share = min(math.ceil(_rows_wanted(queue) / workers), self._limits.rows)
        for _ in range(workers):
            if tickets := self._taken(queue, most_rows=share):
                batch = Batch(tickets, now=now)
                self._running[batch] = self._loop.call_later(self._limits.seconds, self._on_overdue)
                self._threads.run(partial(answers_of, self._run, tickets), partial(self._deliver, batch))

    def _taken(self, queue: deque[Ticket], *, most_rows: int) -> list[Ticket]:
        """The next batch: from the first request on, those that still wait and fit."""
        taken: list[Ticket] = []
        rows = 0
        while queue:
            ticket = queue[0]
            if ticket.is_wanted:
                if taken and (rows + ticket.rows > most_rows or not self._limits.joined):
                    break
                taken.append(ticket)
                rows += ticket.rows
                self._leave(ticket)
            queue.popleft()
        return taken

    def _deliver(self, batch: Batch, answers: list[Answer] | BaseException) -> None:
        self._running.pop(batch).cancel()
        failed = False
        for ticket, answer in zip(batch.tickets, checked_answers(batch, answers), strict=True):
            failed = failed or isinstance(answer, Exception)
            if ticket.future.done():
                continue  # who asked has left
            if isinstance(answer, Exception):
                ticket.future.set_exception(answer)
            else:
                ticket.future.set_result(answer)
        rows = sum(ticket.rows for ticket in batch.tickets)
        ran = self._loop.time() - batch.began
        self._on_batch(BatchSeen(requests=len(batch.tickets), rows=rows, waited=batch.waited, ran=ran, failed=failed))
        self._look_at(_SOON)


def _rows_wanted(queue: deque[Ticket]) -> int:
    return sum(ticket.rows for ticket in queue if ticket.is_wanted)
