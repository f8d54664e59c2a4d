"""Rows that are read anew each time that they are wanted, batch by batch, in other processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crew import Crew, Work
from .lazy_rows import Numbers, RowSource
from .sample_readers import Asked, SampleReader
from .shards import form_as_json

_BATCHES_A_WORKER = 2
"""That are read or wait to be taken: enough that none has to wait, and a bound on memory."""


class StreamedRows(RowSource):
    """Rows made of samples whenever they are asked for. What was read before has to be what it was: `digests`."""

    def __init__(
        self, reader: SampleReader, asked: Sequence[Asked], digests: Sequence[str], form: np.dtype[Any], crew: Crew
    ) -> None:
        self.form = form
        self._reader, self._crew = reader, crew
        self._asked, self._digests = asked, digests

    def __len__(self) -> int:
        return len(self._asked)

    def in_turn(self, wanted: Iterable[Numbers]) -> Iterator[NDArray[Any]]:
        """As `RowSource`. Raises ZooError for a sample that has changed since, or is gone."""
        ahead: deque[tuple[int, Work]] = deque()
        pending = iter(wanted)
        try:
            while True:
                while len(ahead) < _BATCHES_A_WORKER * self._crew.size and (numbers := next(pending, None)) is not None:
                    ahead.append((len(numbers), self._read_soon(numbers)))
                if not ahead:
                    return
                yield self._taken(*ahead.popleft())
        finally:
            # Whoever stops in the middle leaves work behind: its place in memory is free once that is done.
            for _, work in ahead:
                work.future.add_done_callback(work.give_back)

    def _read_soon(self, numbers: Numbers) -> Work:
        places = numbers.tolist()
        asked, digests = [self._asked[place] for place in places], [self._digests[place] for place in places]
        task = {"asked": asked, "digests": digests, "form": form_as_json(self.form)}
        return self._crew.do(self._reader, task, room=len(numbers) * self.form.itemsize)

    def _taken(self, count: int, work: Work) -> NDArray[Any]:
        try:
            work.answer()
            if work.room is None:
                return np.empty(0, self.form)
            return np.frombuffer(work.room, self.form, count=count).copy()
        finally:
            work.done()
