"""How long somebody waits for what an iterator gives: for batches, the part of a training that its feed takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Waited:
    """`seconds`: how long was waited so far."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def for_each(self, given: Iterable[T]) -> Iterator[T]:
        """The same, one after the other."""
        iterator = iter(given)
        while True:
            started = time.perf_counter()
            try:
                found = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - started
            yield found
