"""Measure in turns: every engine answers the same batches in short turns, one after the other, until time is up.

What else a machine does, it does to all of them. Every answer is held against a reference.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import Agreement, agreement, worst

from .engines import Contender, Running
from .subjects import Subject, contenders_of

TURNS = 8
_MOST_RUNS = 20_000
"""Of one turn."""
_REST_SECONDS = 0.005
"""Before a turn: threads of the one before still spin."""

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one contender at one batch size; times in seconds.

    `load`: from no process to a loaded model. `first`: the first answer of all. `error` says why there are no numbers.
    """

    contender: Contender
    batch: int
    load: float | None = None
    first: float | None = None
    seconds: tuple[float, ...] = field(default=(), repr=False)
    peak_bytes: int | None = None
    answers: Agreement = field(default_factory=Agreement)
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it has answered, and rightly."""
        return not self.error and self.answers.is_right

    @property
    def rows_per_second(self) -> float:
        """Of all runs together; 0 for answers that are wrong."""
        return self.batch * len(self.seconds) / sum(self.seconds) if self.seconds and self.is_right else 0.0

    def quantile(self, part: float) -> float:
        """Of the seconds of one batch."""
        return float(np.quantile(self.seconds, part))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; null where nothing was measured."""
        has = bool(self.seconds) and self.is_right
        return {
            "subject": self.contender.subject,
            "engine": self.contender.engine,
            "threads": self.contender.threads,
            "spinning": self.contender.spinning,
            "batch": self.batch,
            "load_s": self.load,
            "first_s": self.first if has else None,
            **{f"p{part}_s": self.quantile(part / 100) if has else None for part in (50, 95, 99)},
            "rows_per_s": self.rows_per_second if has else None,
            "runs": len(self.seconds),
            "peak_bytes": self.peak_bytes,
            "answers": {
                "right": self.is_right,
                "output": self.answers.output or None,
                "largest": None if self.answers.shapes or self.error else self.answers.largest,
                "allowed": None if self.answers.shapes or self.error else self.answers.allowed,
            },
            "error": self.error or None,
        }


def measure(
    subjects: Sequence[Subject], sizes: Mapping[str, Sequence[int]], *, seconds: float, progress: Callable[[str], None]
) -> list[Row]:
    """A row for each contender of each subject at each of its batch sizes, which are by what was typed for it.

    `seconds`: how long each contender answers at each size. Raises ZooError where the reference cannot answer.
    """
    expected = {subject.typed: _expected(subject, sizes[subject.typed], progress) for subject in subjects}
    with contextlib.ExitStack() as opened:
        entrants = [
            _Entrant(subject, contender, expected[subject.typed], progress)
            for subject, contender in contenders_of(subjects)
        ]
        for entrant in entrants:
            opened.callback(entrant.close)
            entrant.start()
        rows = []
        for batch in dict.fromkeys(size for each in sizes.values() for size in each):
            taking_part = [entrant for entrant in entrants if batch in sizes[entrant.subject.typed]]
            progress(f"batches of {batch}")
            rows += _at(batch, taking_part, seconds)
    return sorted(rows, key=lambda row: row.batch)


def _expected(subject: Subject, sizes: Sequence[int], progress: Callable[[str], None]) -> dict[int, Outputs]:
    """The answers of the reference, by the size of the batch."""
    progress(f"reference answers of {subject.typed}")
    running, _ = subject.reference.started()
    try:
        return {size: running.timed(subject.batches.of(size), times=1).outputs for size in sizes}
    finally:
        running.close()


class _Entrant:
    """A contender with its process, as long as it has not failed."""

    def __init__(
        self, subject: Subject, contender: Contender, expected: Mapping[int, Outputs], progress: Callable[[str], None]
    ) -> None:
        self.subject = subject
        self.contender = contender
        self._expected = expected
        self._progress = progress
        self._running: Running | None = None
        self.load: float | None = None
        self.first: float | None = None
        self.error = ""

    def start(self) -> None:
        self._progress(f"loading {self.contender}")
        try:
            self._running, self.load = self.contender.started()
        except ZooError as error:
            self.error = error.message

    def close(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def answered(self, batch: int, times: int) -> tuple[tuple[float, ...], int | None, Agreement]:
        """Seconds of each run, the most memory, and how far the answers of the last run are from what is expected.

        Nothing of one that has failed.
        """
        if self._running is None:
            return (), None, Agreement()
        try:
            timing = self._running.timed(self.subject.batches.of(batch), times=times)
        except ZooError as error:
            self.error = error.message
            self.close()
            return (), None, Agreement()
        found = agreement(timing.outputs, self._expected[batch], bounds=self.subject.bounds, loss=self.contender.loss)
        if self.first is None:
            self.first = timing.seconds[0]
        return timing.seconds, timing.peak_bytes, found


def _at(batch: int, entrants: Sequence[_Entrant], seconds: float) -> list[Row]:
    """One batch size: everybody warms up, then all take turns, another one first in each round."""
    runs: dict[_Entrant, int] = {}
    took: dict[_Entrant, list[float]] = {}
    agreements: dict[_Entrant, list[Agreement]] = {}
    peaks: dict[_Entrant, int | None] = {}
    for entrant in entrants:
        _, _, at_first = entrant.answered(batch, 1)
        warm, _, again = entrant.answered(batch, 3)
        usual = statistics.median(warm) if warm else seconds
        runs[entrant] = min(_MOST_RUNS, max(1, round(seconds / TURNS / max(usual, 1e-7))))
        agreements[entrant], took[entrant] = [at_first, again], []
    for turn in range(TURNS):
        place = turn % max(1, len(entrants))
        for entrant in (*entrants[place:], *entrants[:place]):
            if entrant.error or not worst(agreements[entrant]).is_right:
                continue
            time.sleep(_REST_SECONDS)
            found, peaks[entrant], agreed = entrant.answered(batch, runs[entrant])
            took[entrant] += found
            agreements[entrant].append(agreed)
    return [
        Row(
            contender=entrant.contender,
            batch=batch,
            load=entrant.load,
            first=entrant.first,
            seconds=tuple(took[entrant]),
            peak_bytes=peaks.get(entrant),
            answers=worst(agreements[entrant]),
            error=entrant.error,
        )
        for entrant in entrants
    ]
