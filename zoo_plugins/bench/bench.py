"""One bench: what was typed becomes subjects and batch sizes, which are measured side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo_core import UsageError, Zoo
from zoo_core.commands import machine_kind, package_versions, usable_processors
from zoo_core.runtime import Isolated
from zoo_core.workflows.exports import save_claim

from .engines import ENGINES
from .measuring import TURNS, Row, measure
from .subjects import Asked, Subject, check_engines, open_subject
from .tuning import Tuned, tune

USUAL_BATCHES = (1, 8, 32)
_VERSIONED = ("zoo-core", "onnxruntime", "torch", "openvino", "numpy")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What was measured, and where."""

    subjects: tuple[Subject, ...]
    rows: tuple[Row, ...]
    machine: str
    tuned: Tuned | None = None
    saved: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; times in seconds, memory in bytes."""
        return {
            "schema": 1,
            "machine": self.machine,
            "versions": package_versions(_VERSIONED),
            "turns": TURNS,
            "sizes": {subject.typed: dict(subject.batches.sizes) for subject in self.subjects},
            "rows": [row.to_json() for row in self.rows],
            "tuned": None if self.tuned is None else self.tuned.to_json(),
            "not_measured": {subject.typed: dict(subject.left_out) for subject in self.subjects},
        }


def run_bench(
    zoo: Zoo,
    sources: Sequence[str],
    *,
    batches: Sequence[int],
    threads: Sequence[int],
    engines: Sequence[str],
    sizes: Sequence[str],
    seconds: float,
    tuning: bool,
    saving: bool,
    isolated: Isolated,
    progress: Callable[[str], None],
    **more: Any,
) -> Bench:
    """Measure all of them side by side; or with `tuning`, the settings of a single export.

    With `saving`, the numbers of a single export are kept beside it, unless an answer is wrong. Raises UsageError for
    anything mistyped, ZooError where a subject cannot be opened or its reference cannot answer.
    """
    check_engines(engines, ENGINES)
    if twice := [name for name in sources if sources.count(name) > 1]:
        raise UsageError(f"{twice[0]} is named twice")
    asked = Asked(
        engines=tuple(engines),
        sizes=_axis_sizes(sizes),
        threads=tuple(threads) or (usable_processors(),),
        isolated=isolated,
        **more,
    )
    subjects = tuple(open_subject(name, zoo, asked) for name in sources)
    _check_together(subjects, asked, tuning=tuning, saving=saving)
    if tuning:
        return _tuned(subjects, batches, engines, threads, isolated=isolated, seconds=seconds, progress=progress)
    chosen = {subject.typed: _batches(subject, batches) for subject in subjects}
    rows = measure(subjects, chosen, seconds=seconds, progress=progress)
    bench = Bench(subjects=subjects, rows=tuple(rows), machine=machine_kind())
    return _saved(bench) if saving else bench


def _check_together(subjects: Sequence[Subject], asked: Asked, *, tuning: bool, saving: bool) -> None:
    """Raise UsageError for what does not go together."""
    if saving and (len(subjects) > 1 or subjects[0].path is None or tuning):
        raise UsageError("--save is for the numbers of one export", hint="name it alone, and without --tune")
    if tuning and asked.providers:
        raise UsageError("--tune is about the processor", hint="leave out --provider")


def _saved(bench: Bench) -> Bench:
    """The same, kept beside its export unless an answer is wrong."""
    path = bench.subjects[0].path
    if path is None or not all(row.is_right for row in bench.rows):
        return bench
    return replace(bench, saved=save_claim(path, "bench", bench.to_json()))


def _tuned(
    subjects: Sequence[Subject],
    batches: Sequence[int],
    engines: Sequence[str],
    threads: Sequence[int],
    **how: Any,
) -> Bench:
    if len(subjects) > 1 or len(batches) > 1:
        raise UsageError("--tune takes one export, and one --batch: the settings are the best for batches of that size")
    if engines or threads:
        raise UsageError("--tune tries engines and threads itself", hint="leave out --engine and --threads")
    (subject,) = subjects
    batch = batches[0] if batches else subject.batches.fixed or 1
    subject.batches.refuse(batch, shown=subject.typed)
    tuned = tune(subject, batch, **how)
    return Bench(subjects=tuple(subjects), rows=tuned.rows, machine=machine_kind(), tuned=tuned)


def _batches(subject: Subject, asked: Sequence[int]) -> tuple[int, ...]:
    """Those that were asked for; else the usual ones that the subject takes."""
    if asked:
        for size in asked:
            subject.batches.refuse(size, shown=subject.typed)
        return tuple(dict.fromkeys(asked))
    if subject.batches.fixed is not None:
        return (subject.batches.fixed,)
    most = subject.batches.largest or max(USUAL_BATCHES)
    return tuple(size for size in USUAL_BATCHES if size <= most) or (most,)


def _axis_sizes(typed: Sequence[str]) -> Mapping[str, int]:
    """`["H=64"]` as numbers. Raises UsageError."""
    found = {}
    for text in typed:
        axis, _, number = text.partition("=")
        if not axis or not number.isdecimal() or not int(number):
            raise UsageError(f"--size takes AXIS=N, such as H=64, not {text!r}")
        found[axis] = int(number)
    return found
