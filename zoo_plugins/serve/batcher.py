"""Requests that come one by one, run together: asyncio and worker threads, nothing of HTTP.

A request goes into the queue of its kind: arrays of the same names, dtypes and shapes but for the first axis. A batch
starts as soon as a worker is free and a queue is due, which is when it has enough rows, or when its oldest request has
waited long enough. With a delay of 0 nobody ever waits for company: batches form while the workers are busy.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Kind: TypeAlias = tuple[tuple[str, str, tuple[int, ...]], ...]

_SOON = 0.0
"""In the next turn of the loop, so that all requests that come in this one meet."""


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How requests are run together.

    A batch has at most so many `rows`, unless one request alone has more; 1 row, or not `joined`: each request runs by
    itself. `delay`: the longest in seconds that a request waits for others. At most so many requests, and so many
    bytes of them, are `waiting`; `workers` batches run at a time.
    """

    rows: int = 64
    delay: float = 0.0
    waiting: int = 256
    waiting_bytes: int = 1 << 29
    workers: int = 1
    joined: bool = True


class QueueFullError(ZooError):
    """As many requests wait as may; the same one can be made again a little later."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting:,} requests wait already", hint="make the request again a little later")


class ClosedError(ZooError):
    """The batcher takes no requests any more."""


@dataclass(frozen=True, kw_only=True)
class BatchSeen:
    """One batch that has run, to be counted: `waited` is how long its oldest request was in the queue, in seconds."""

    requests: int
    rows: int
    waited: float
    ran: float


class _Ticket:
    """One request in the queue."""

    __slots__ = ("arrived", "future", "id", "inputs", "nbytes", "rows", "waiting")

    def __init__(self, number: int, inputs: Arrays, rows: int, *, now: float, future: asyncio.Future[Arrays]) -> None:
        self.id = number
        self.inputs = inputs
        self.rows = rows
        self.nbytes = sum(array.nbytes for array in inputs.values())
        self.arrived = now
        self.future = future
        self.waiting = True

    @property
    def is_wanted(self) -> bool:
        """Whether it is in the queue, and who asked has not left."""
        return self.waiting and not self.future.done()


_Answer: TypeAlias = "tuple[int, Arrays | Exception]"
"""The number of a ticket, and what came of it."""


class Batcher:
    """Runs requests together where that is allowed; belongs to the event loop in which it is made.

    `run` is called in a worker thread with arrays by name, and gives arrays by name, whose first axis are the same
    rows where requests are joined.
    """

    def __init__(
        self,
        run: Callable[[Arrays], Arrays],
        *,
        limits: BatchLimits,
        on_batch: Callable[[BatchSeen], None] = lambda seen: None,
    ) -> None:
        self._run = run
        self._limits = limits
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="zoo-serve")
        self._numbers = itertools.count()
        self._queues: dict[Kind, deque[_Ticket]] = {}
        self._free = limits.workers
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
        ticket = _Ticket(next(self._numbers), inputs, rows, now=self._loop.time(), future=future)
        self._waiting += 1
        self._waiting_bytes += ticket.nbytes
        self._queues.setdefault(kind_of(inputs), deque()).append(ticket)
        self._idle.clear()
        future.add_done_callback(partial(self._leave, ticket))
        if self._free:
            self._look_at(_SOON)
        return future

    async def close(self) -> None:
        """Take no more requests, answer those that are there, and end the worker threads."""
        self._closed = True
        self._look_at(_SOON)  # nobody waits for company that cannot come any more
        await self._idle.wait()
        self._threads.shutdown(wait=False)

    def _leave(self, ticket: _Ticket, _: object = None) -> None:
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
        while self._free and (queue_due := self._due(now)) is not None:
            self._start(queue_due, now)
        if self._free and self._waiting:
            oldest = min(queue[0].arrived for queue in self._queues.values() if queue)
            self._look_at(oldest + self._limits.delay)
        if not self._waiting and self._free == self._limits.workers:
            self._idle.set()

    def _due(self, now: float) -> deque[_Ticket] | None:
        """Of the queues that are due, the one whose first request has waited longest."""
        limits = self._limits
        due = [
            queue
            for queue in self._queues.values()
            if queue
            and (
                not limits.joined
                or self._closed
                or queue[0].arrived + limits.delay <= now
                or sum(ticket.rows for ticket in queue if ticket.is_wanted) >= limits.rows
            )
        ]
        return min(due, key=lambda queue: queue[0].arrived, default=None)

    def _start(self, queue: deque[_Ticket], now: float) -> None:
        batch = self._taken(queue)
        if not batch:
            return
        self._free -= 1
        ids = [ticket.id for ticket in batch]
        waited = now - batch[0].arrived
        running = self._loop.run_in_executor(self._threads, partial(_answers, self._run, batch))
        running.add_done_callback(partial(self._deliver, batch, ids, now, waited))

    def _taken(self, queue: deque[_Ticket]) -> list[_Ticket]:
        """The next batch: from the first request on, those that still wait and fit."""
        taken: list[_Ticket] = []
        rows = 0
        while queue:
            ticket = queue[0]
            if ticket.is_wanted:
                if taken and (rows + ticket.rows > self._limits.rows or not self._limits.joined):
                    break
                taken.append(ticket)
                rows += ticket.rows
                self._leave(ticket)
            queue.popleft()
        return taken

    def _deliver(
        self, batch: Sequence[_Ticket], ids: list[int], began: float, waited: float, done: asyncio.Future[list[_Answer]]
    ) -> None:
        self._free += 1
        try:
            answers = done.result()
            if [number for number, _ in answers] != ids or [ticket.id for ticket in batch] != ids:
                raise RuntimeError(f"the answers of batch {ids} are those of {[number for number, _ in answers]}")
        except BaseException as error:  # noqa: BLE001 whatever it is, somebody waits for it
            answers = [(number, error if isinstance(error, Exception) else RuntimeError(repr(error))) for number in ids]
        for ticket, (_, answer) in zip(batch, answers, strict=True):
            if ticket.future.done():
                continue  # who asked has left
            if isinstance(answer, Exception):
                ticket.future.set_exception(answer)
            else:
                ticket.future.set_result(answer)
        rows = sum(ticket.rows for ticket in batch)
        self._on_batch(BatchSeen(requests=len(batch), rows=rows, waited=waited, ran=self._loop.time() - began))
        self._look_at(_SOON)


def kind_of(inputs: Arrays) -> Kind:
    """What requests have in common that may run together."""
    return tuple((name, array.dtype.str, array.shape[1:]) for name, array in inputs.items())


def _answers(run: Callable[[Arrays], Arrays], batch: Sequence[_Ticket]) -> list[_Answer]:
    """An answer or an error for each ticket. Requests that fail together run one by one: one may be to blame."""
    if len(batch) == 1:
        (ticket,) = batch
        try:
            return [(ticket.id, run(ticket.inputs))]
        except Exception as error:  # noqa: BLE001 whatever it is, it is the answer
            return [(ticket.id, error)]
    together = {name: np.concatenate([ticket.inputs[name] for ticket in batch]) for name in batch[0].inputs}
    try:
        outputs = run(together)
        return list(_parts(outputs, batch))
    except Exception:  # noqa: BLE001 each is asked again, and tells its own
        return [answer for ticket in batch for answer in _answers(run, [ticket])]


def _parts(outputs: Arrays, batch: Sequence[_Ticket]) -> list[_Answer]:
    """The rows of each ticket. Raises RuntimeError where there are more or fewer than were asked for."""
    rows = sum(ticket.rows for ticket in batch)
    for name, value in outputs.items():
        if not value.ndim or len(value) != rows:
            raise RuntimeError(f"output {name!r} has the shape {value.shape} for {rows} rows")
    found: list[_Answer] = []
    start = 0
    for ticket in batch:
        stop = start + ticket.rows
        found.append((ticket.id, {name: value[start:stop] for name, value in outputs.items()}))
        start = stop
    return found
