"""How long somebody waits for what an iterator gives: for batches, the part of a training that its feed takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Waited:
    """`seconds`: how long was waited so far, since this was made."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = time.perf_counter()
        self._took: float | None = None

    @property
    def share(self) -> float | None:
        """The part of the time up to the end of what was given that somebody waited; None before that end."""
        return self.seconds / self._took if self._took else None

    def for_each(self, given: Iterable[T]) -> Iterator[T]:
        """The same, one after the other."""
        iterator = iter(given)
        while True:
            started = time.perf_counter()
            try:
                found = next(iterator)
            except StopIteration:
                self._took = time.perf_counter() - self._began
                return
            finally:
                self.seconds += time.perf_counter() - started
            yield found
