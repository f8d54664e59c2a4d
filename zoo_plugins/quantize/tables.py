"""What `zoo quantize` tells people: a line for the float file and for each way, and what to know of them."""

from __future__ import annotations

from collections.abc import Iterator

from zoo_core.commands import counted, machine_kind, table, terminal_width, typed

from .measuring import SLOWER
from .quantize import Quantization, Row


def lines_of(found: Quantization) -> Iterator[str]:
    """The table, then a sentence for everything that is not in it."""
    source, allowed = found.source, found.allowed
    rows = [_float(found), *(_cells(row, found) for row in found.rows)]
    header = ("file", "bytes", "size", allowed.metric, "drop", "flipped", "p50 here", "time", "")
    yield from table(header, rows, width=terminal_width())
    yield ""
    better = "more is better" if allowed.better == "more" else "less is better"
    yield (
        f"{allowed.metric} ({better}) on {counted(len(source.validation), 'sample')}, "
        f"the validation part of {source.dataset}; {allowed.allowed:.4g} may be lost."
    )
    timed = next((row.race for row in found.rows if row.race is not None), None)
    if timed is not None:
        yield f"p50 here: of {counted(timed.batch, 'row')}; time: as a part of the float file's, measured in turns."
        yield f"{machine_kind()}"
    for row in found.rows:
        yield from _remarks(row, found)


def next_after(found: Quantization) -> str:
    """The command that comes next."""
    if not found.published:
        return typed("bench", found.source.typed)
    best = min(found.published, key=lambda row: (is_slower(row), row.size or 0))
    return typed("predict", f"{best.path}", "INPUT")


def _float(found: Quantization) -> tuple[str, ...]:
    value = f"{found.allowed.float_value:.4f}"
    times = next((row.race.p50 / row.race.ratio for row in found.rows if row.race is not None), None)
    p50 = "-" if times is None else duration(times)
    return (found.source.name, f"{found.size:,}", "1.00", value, "-", "-", p50, "1.00", "float")


def _cells(row: Row, found: Quantization) -> tuple[str, ...]:
    allowed = found.allowed
    value, drop = "-", "-"
    if row.metrics is not None and allowed.metric in row.metrics:
        value, drop = f"{row.metrics[allowed.metric]:.4f}", f"{round(allowed.drop(row.metrics), 4) + 0.0:.4f}"
    flips = "-" if row.flips is None else f"{row.flips[0]:,} of {row.flips[1]:,}"
    size = ("-", "-") if row.size is None else (f"{row.size:,}", f"{row.size / found.size:.2f}")
    times = ("-", "-") if row.race is None else (duration(row.race.p50), f"{row.race.ratio:.2f}")
    return (row.name, *size, value, drop, flips, *times, _outcome(row))


def _outcome(row: Row) -> str:
    if row.path is None:
        return "REFUSED"
    return "published, slower here" if is_slower(row) else "published"


def is_slower(row: Row) -> bool:
    """Whether it takes more time here than the float file."""
    return row.race is not None and row.race.ratio > SLOWER


def _remarks(row: Row, found: Quantization) -> Iterator[str]:
    if row.path is None:
        yield f"{row.name} is not published: {row.why}"
    if row.path is not None and is_slower(row) and row.race is not None:
        yield f"{row.name} is slower here: it takes {row.race.ratio:.2f} times as long as {found.source.name}."
    if row.path is not None and row.kept:
        shown = ", ".join(row.kept[:6]) + (f" and {len(row.kept) - 6} more" if len(row.kept) > 6 else "")
        count = f"{len(row.kept)} of {counted(row.nodes, 'node')}"
        yield f"{row.name}: {count} stayed float, because they cost most: {shown}"


def duration(seconds: float) -> str:
    """Three digits: 12.3 µs, 4.56 ms, 7.89 s."""
    for limit, unit in ((1e-3, "µs"), (1.0, "ms")):
        if seconds < limit:
            return f"{seconds * 1e3 / limit:.3g} {unit}"
    return f"{seconds:.3g} s"
