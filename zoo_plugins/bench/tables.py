"""What `zoo bench` tells people: a line for each engine and batch, the quickest marked, and what was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo_core.commands import counted, look_at, table, terminal_width, typed

from .measuring import TURNS, Row
from .subjects import Subject
from .tuning import Tuned

_HEADER = ("engine", "threads", "batch", "rows/s", "p50", "p95", "p99", "first", "load", "memory", "answers")


def lines_of(rows: Sequence[Row], subjects: Sequence[Subject], *, machine: str, reasons: bool) -> Iterator[str]:
    """A table for each subject, one below the other; with `reasons`, why engines are missing in it."""
    for subject in subjects:
        own = [row for row in rows if row.contender.subject == subject.typed]
        yield f"{subject.typed}{_sizes(subject)}"
        yield from table(_HEADER, [_cells(row, own) for row in own], width=terminal_width())
        if reasons:
            yield from _reasons(subject)
        yield ""
    yield f"{machine}; {TURNS} turns each, one after the other; load: from no process to a model that can answer."
    yield "*: the most rows a second."
    yield "first, p50, p95, p99: of one batch; memory: the most that the engine's process ever held."


def next_after(subjects: Sequence[Subject], rows: Sequence[Row]) -> str:
    """The command that comes next."""
    exports = [subject for subject in subjects if subject.bounds is not None]
    if not exports:
        return typed("export", subjects[0].typed)
    wrong = next((row for row in rows if not row.error and not row.is_right), None)
    return typed("verify", wrong.contender.subject) if wrong is not None else look_at(exports[0].typed)


def tuned_line(tuned: Tuned) -> str:
    """What came of tuning, in a sentence."""
    batch = f"batches of {tuned.batch}"
    if tuned.is_usual:
        return f"The usual settings are the best for {batch}: {duration(tuned.usual.quantile(0.5))} each, by p50."
    times = " and ".join(duration(row.quantile(0.5)) for row in (tuned.best, tuned.usual))
    gain = f"{tuned.gain:.2f} times as many {batch} as the usual settings"
    told = f"{tuned.best.contender.setting}: {gain} ({times} each, by p50)"
    return f"{told}, used from now on." if tuned.kept else f"{told}; the state folder cannot be written: not kept."


def duration(seconds: float) -> str:
    """Three digits: 12.3 µs, 4.56 ms, 7.89 s."""
    for limit, unit in ((1e-3, "µs"), (1.0, "ms")):
        if seconds < limit:
            return f"{seconds * 1e3 / limit:.3g} {unit}"
    return f"{seconds:.3g} s"


def amount(number: float) -> str:
    """As many digits as say something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _sizes(subject: Subject) -> str:
    sizes = ", ".join(f"{axis}={size}" for axis, size in subject.batches.sizes.items())
    return f" ({sizes})" if sizes else ""


def _cells(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    engine = f"{row.contender.engine}, spinning" if row.contender.spinning else row.contender.engine
    name = (engine, str(row.contender.threads), str(row.batch))
    if row.error or not row.is_right:
        return (*name, *("-",) * 6, "", row.error or str(row.answers))
    best = max(rows, key=lambda each: (each.batch == row.batch, each.rows_per_second))
    memory = "-" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:,.0f} MB"
    quantiles = [duration(row.quantile(part)) for part in (0.5, 0.95, 0.99)]
    rate = f"{amount(row.rows_per_second)}{'*' if row is best else ''}"
    times = [duration(each) if each is not None else "-" for each in (row.first, row.load)]
    return (*name, rate, *quantiles, *times, memory, str(row.answers))


def _reasons(subject: Subject) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for engine, why in subject.left_out.items():
        reasons.setdefault(why, []).append(engine)
    for why, engines in reasons.items():
        yield f"not measured: {', '.join(engines)}, because {why}"


def failures(rows: Sequence[Row]) -> str:
    """How many rows have no numbers; empty where all have."""
    bad = sum(not row.is_right for row in rows)
    return f"{counted(bad, 'row')} of {len(rows)} without numbers" if bad else ""
