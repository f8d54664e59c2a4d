"""Requests that run together, and that each gets its own rows back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
Kind: TypeAlias = tuple[tuple[str, str, tuple[int, ...]], ...]


class Ticket:
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


Answer: TypeAlias = "tuple[int, Arrays | Exception]"
"""The number of a ticket, and what came of it."""


class Batch:
    """Requests that run together, and the numbers that their answers must have."""

    def __init__(self, tickets: Sequence[Ticket], *, now: float) -> None:
        self.tickets = tickets
        self.ids = [ticket.id for ticket in tickets]
        self.began = now
        self.waited = now - tickets[0].arrived


def checked_answers(batch: Batch, answers: list[Answer] | BaseException) -> Sequence[Arrays | Exception]:
    """The answers of a batch, once their numbers are those of its requests: a mix-up is an error for all of them."""
    if isinstance(answers, BaseException):
        return [RuntimeError(f"a batch was not run: {answers!r}")] * len(batch.ids)
    if [number for number, _ in answers] != batch.ids:
        found = [number for number, _ in answers]
        return [RuntimeError(f"the answers of batch {batch.ids} are those of {found}")] * len(batch.ids)
    return [answer for _, answer in answers]


def kind_of(inputs: Arrays) -> Kind:
    """What requests have in common that may run together."""
    return tuple((name, array.dtype.str, array.shape[1:]) for name, array in inputs.items())


def answers_of(run: Callable[[Arrays], Arrays], batch: Sequence[Ticket]) -> list[Answer]:
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
        return [answer for ticket in batch for answer in answers_of(run, [ticket])]


def _parts(outputs: Arrays, batch: Sequence[Ticket]) -> list[Answer]:
    """The rows of each ticket. Raises RuntimeError where there are more or fewer than were asked for."""
    rows = sum(ticket.rows for ticket in batch)
    for name, value in outputs.items():
        if not value.ndim or len(value) != rows:
            raise RuntimeError(f"output {name!r} has the shape {value.shape} for {counted(rows, 'row')}")
    found: list[Answer] = []
    start = 0
    for ticket in batch:
        stop = start + ticket.rows
        found.append((ticket.id, {name: value[start:stop] for name, value in outputs.items()}))
        start = stop
    return found
