"""What a file is worth: its metrics on the whole validation part, how many decisions it takes otherwise, and its speed.

The speed is that of this machine, of both files in turns, because one measured alone says more about its neighbours.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import ExportedModel, open_model

from .source import Source

ROUNDS = 11
_WARM = 3
_SECONDS_A_TURN = 0.01
SLOWER = 1.1
"""From that part of the float file's time on a file is called slower: less is noise."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Metrics over the whole validation part, and what was decided of each sample; None where nothing is decided."""

    metrics: Mapping[str, float]
    decisions: tuple[NDArray[Any], ...] | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Race:
    """Seconds of one batch in each turn, of both files."""

    batch: int
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median time of ours."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float:
        """The time of ours as a part of theirs: the median over the turns."""
        return statistics.median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))


def answers_of(path: Path, source: Source) -> Answers:
    """What the file at `path` answers to the whole validation part. Raises ZooError where it cannot be run."""
    samples, deciding = source.validation, source.task.deciding
    tally = source.task.tally()
    decided = []
    with open_model(path, isolated=False) as model:
        for rows, outputs in model.run_batches(samples.arrays, count=len(samples)):
            tally.add(outputs, samples.targets[rows])
            if deciding is not None:
                decided.append(np.asarray(deciding.decisions(outputs)))
    return Answers(metrics=tally.metrics(), decisions=None if deciding is None else tuple(decided))


def flipped(first: Answers, second: Answers) -> tuple[int, int] | None:
    """How many decisions differ, of how many; None where there are none, or they are not about the same things."""
    if first.decisions is None or second.decisions is None:
        return None
    mine, theirs = _joined(first.decisions), _joined(second.decisions)
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return None
    return int(np.count_nonzero(mine != theirs)), int(mine.size)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    flat = [part.reshape(-1) for part in parts]
    return np.concatenate(flat) if flat else None


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Which metric decides, which of its values are better, and how much of the float file's may be lost.

    `max_drop` is in the metric's own units while it is at most 1, as an accuracy is, and else a part of it; where less
    is better, always a part.
    """

    metric: str
    better: str
    float_value: float
    max_drop: float

    @property
    def allowed(self) -> float:
        """The largest drop, in the metric's own units."""
        size = abs(self.float_value)
        return self.max_drop * (size if self.better == "less" else max(1.0, size))

    def drop(self, metrics: Mapping[str, float]) -> float:
        """How much worse these are, in the metric's own units; below 0 where better, NaN where there are none."""
        lost = self.float_value - metrics.get(self.metric, float("nan"))
        return -lost if self.better == "less" else lost

    def allows(self, metrics: Mapping[str, float]) -> bool:
        """Whether the drop is small enough; the rounding of a difference of two numbers is none."""
        return self.drop(metrics) <= self.allowed + 1e-12


def allowance(source: Source, answers: Answers, max_drop: float) -> Allowance:
    """The metric that the task selects by, and what of it may be lost. Raises ZooError where it was not measured."""
    spec = source.task.spec
    if spec.selection not in answers.metrics:
        raise ZooError(
            f"the {source.dataset} validation part gives no {spec.selection}, by which {spec.name} is judged",
            hint="more validation samples: -d val_size=N",
        )
    return Allowance(
        metric=spec.selection,
        better=str(spec.metrics[spec.selection]),
        float_value=answers.metrics[spec.selection],
        max_drop=max_drop,
    )


def race(path: Path, source: Source) -> Race:
    """The time of one row, or of a fixed batch, of the file at `path` and of the float file, in turns."""
    batch = source.fixed_batch or 1
    inputs = source.validation.arrays(slice(0, batch))
    with open_model(path, isolated=False) as ours, open_model(source.path, isolated=False) as theirs:
        models = (ours, theirs)
        seconds: list[list[float]] = [[], []]
        times = [_times(model, inputs) for model in models]
        for turn in range(ROUNDS):
            for place in (0, 1) if turn % 2 else (1, 0):
                timing = models[place].timed(inputs, times=times[place])
                seconds[place].append(statistics.median(timing.seconds))
    return Race(batch=batch, ours=tuple(seconds[0]), theirs=tuple(seconds[1]))


def _times(model: ExportedModel, inputs: Mapping[str, NDArray[Any]]) -> int:
    """How many runs fill a turn."""
    once = min(model.timed(inputs, times=_WARM).seconds)
    return max(1, min(200, round(_SECONDS_A_TURN / max(once, 1e-6))))
