"""`zoo bench --tune`: the session settings that answer a batch quickest here, kept for whoever opens the file next."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import UsageError, ZooError
from zoo_core.commands import model_file, usable_processors
from zoo_core.runtime import Isolated, keep_tuned, vet

from .engines import LEVELS, Contender, onnxruntime
from .measuring import Row, measure
from .subjects import Subject

USUAL_LEVEL = "onnxruntime"
LEAST_GAIN = 0.03
"""By which part a setting has to be quicker than the usual one, twice, to be taken: less is noise."""
_TRIED = ("onnxruntime", "onnxruntime:extended", "onnxruntime:basic")


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What came of it: every setting that was tried, the usual and the best in a second round, and what was kept.

    `gain`: how many times as many batches the best gives in the time of the usual one, in the second round.
    """

    rows: tuple[Row, ...]
    usual: Row
    best: Row
    gain: float
    kept: bool
    is_usual: bool
    batch: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "batch": self.batch,
            "settings": None if self.is_usual else settings_of(self.best.contender),
            "gain": self.gain,
            "kept": self.kept,
        }


def settings_of(contender: Contender) -> dict[str, Any]:
    """As arguments of `open_model`."""
    return {
        "optimization": LEVELS[contender.engine],
        "threads": contender.threads,
        "spinning": contender.spinning,
    }


def tune(subject: Subject, batch: int, *, isolated: Isolated, seconds: float, progress: Callable[[str], None]) -> Tuned:
    """Try all settings in turns, then the best of them once more beside the usual ones; keep it where it is quicker.

    Raises UsageError for what is no export, ZooError where the usual settings cannot answer.
    """
    if subject.path is None:
        raise UsageError(f"--tune is for exports, and {subject.typed} is none", hint="zoo export makes one")
    path, processors = subject.path, usable_processors()
    usual = onnxruntime(path, subject=subject.typed, engine=USUAL_LEVEL, threads=processors, isolated=isolated)
    contenders = _settings(path, subject.typed, processors, isolated)
    first = _measured(subject, contenders, batch, seconds, progress)
    best = min((row for row in first if row.seconds and row.is_right), key=_typical, default=None)
    if best is None:
        raise ZooError(f"{first[0].contender}: {first[0].error or first[0].answers}", hint="zoo verify says more")
    progress(f"once more, beside the usual settings: {best.contender.setting}")
    again = _measured(subject, [usual, dataclasses.replace(best.contender)], batch, 2 * seconds, progress)
    if bad := [row for row in again if not row.seconds or not row.is_right]:
        raise ZooError(f"{bad[0].contender}: {bad[0].error or bad[0].answers}")
    gain = _typical(again[0]) / _typical(again[1])
    is_usual = gain < 1 + LEAST_GAIN
    settings = None if is_usual else settings_of(best.contender)
    kept = keep_tuned(vet(model_file(path)), settings, batch=batch)
    return Tuned(rows=tuple(first), usual=again[0], best=again[1], gain=gain, kept=kept, is_usual=is_usual, batch=batch)


def _settings(path: Path, subject: str, processors: int, isolated: Isolated) -> list[Contender]:
    threads = sorted({1, max(1, processors // 2), processors})
    return [
        onnxruntime(path, subject=subject, engine=engine, threads=n, isolated=isolated, spinning=spinning)
        for engine, n, spinning in itertools.product(_TRIED, threads, (False, True))
        if n > 1 or not spinning  # a single thread waits for nobody
    ]


def _measured(
    subject: Subject, contenders: Sequence[Contender], batch: int, seconds: float, progress: Callable[[str], None]
) -> list[Row]:
    alone = dataclasses.replace(subject, contenders=tuple(contenders))
    return measure([alone], {subject.typed: (batch,)}, seconds=seconds, progress=progress)


def _typical(row: Row) -> float:
    return statistics.median(row.seconds)
