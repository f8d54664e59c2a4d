"""What `zoo predict` shows: rows as they come, for people or as JSON, and a bar where they go elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from zoo_core.commands.common import JsonList, note, say
from zoo_core.errors import Terminated, ZooError
from zoo_core.plugin_faults import PluginFaultError
from zoo_core.records import counted

if TYPE_CHECKING:
    from rich.progress import Progress

    from zoo_core.workflows.answers.predicting import Predicting

_WORTH_A_BAR = 20
_WIDEST = 120
_FAST = 10.0


def lines_of_stdin() -> Iterator[bytes]:
    """The lines of standard input, which is only read where they are asked for."""
    if sys.stdin is not None:  # it may be closed
        yield from sys.stdin.buffer


def show_rows(planned: Predicting, *, as_json: bool) -> tuple[int, int]:
    """Predict, and show every row as soon as it is there: how many there were, and how many of them have an error."""
    failed = total = kept = 0
    written = planned.results or planned.kept

    def keep(rows: int) -> None:
        nonlocal kept
        kept = rows

    elsewhere = written is not None or not sys.stdout.isatty()
    with PredictProgress(len(planned.found), shown=elsewhere) as bar, _printed(planned, as_json=as_json) as show:
        try:
            for row in planned.rows(on_done=bar.done, on_note=note, on_kept=keep):
                show(row)
                total, failed = total + 1, failed + ("error" in row)
        except (KeyboardInterrupt, Terminated):
            if planned.results is not None and total + kept:  # else an older file is still there
                rows = f"{counted(planned.rows_written(), 'row')} of {counted(len(planned.found), 'input')}"
                where = f"kept for {written}" if planned.results.suffix.lower() == ".parquet" else f"in {written}"
                note(f"{rows} {where}; the same command with --resume goes on")
            raise
    if written is not None and not as_json:
        more = f", and {counted(kept, 'row')} were there" if kept else ""
        say(f"{total - failed:,} of {total:,} predicted{more}: {written}")
    return total, failed


def what_mends(errors: Sequence[ZooError]) -> str:
    """What to do about inputs that could not be predicted: a fault of a plugin is none of theirs."""
    faults = sum(isinstance(error, PluginFaultError) for error in errors)
    files = "mend those files or leave them out"
    if not faults:
        return files
    return "it is the plugin's fault, not that of the inputs" if faults == len(errors) else f"{files}, and the plugin"


@contextlib.contextmanager
def _printed(planned: Predicting, *, as_json: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What prints a row: as JSON, or as lines of a table; nothing for people where the rows are in a file."""
    if as_json:
        with JsonList() as rows:
            yield rows.add
        return
    if planned.results is not None:
        yield lambda row: None
        return
    if planned.kept is not None:  # a gallery has no rows that could tell what is wrong with an input
        yield lambda row: note(f"{row['input']}: {row['error']}") if "error" in row else None
        return
    from zoo_core.commands.tables import GrowingTable

    labels = planned.task.gives == "labels"
    first = max(len(each.shown) for each in planned.found)
    second = max(map(len, planned.model.labels), default=0) if labels else 0
    header: tuple[str, ...] = ("INPUT", "LABEL", "PROBABILITY") if labels else ("INPUT", "SHAPE       ", "FILE")
    widths: tuple[int, ...] = (min(first, _WIDEST), min(second, _WIDEST))
    if planned.task.gives == "values":
        header, widths = ("INPUT", "ANSWER"), widths[:1]
    if planned.drawings is not None and planned.task.gives == "values":
        drawn = min(first + len(planned.task.drawn) + len(".."), _WIDEST)
        header, widths = ("INPUT", "PICTURE", "ANSWER"), (*widths[:1], drawn)
    table = GrowingTable(header, widths=widths)
    begun = False

    def show(row: Mapping[str, Any]) -> None:
        nonlocal begun
        if not begun:
            say(table.header)
            begun = True
        for cells in _cells(row, planned):
            say(table.line(cells))

    yield show


def _cells(row: Mapping[str, Any], planned: Predicting) -> list[tuple[str, ...]]:
    from zoo_core.workflows.answers.gallery import neighbours_in_words

    gives, top = planned.task.gives, planned.top
    if "error" in row:
        between = ["-"] if gives != "values" or planned.drawings is not None else []
        return [(row["input"], *between, f"error: {row['error']}")]
    if "neighbours" in row:
        return [(row["input"], neighbours_in_words(row))]
    if gives == "values":
        drawn = [row.get("picture", "-")] if planned.drawings is not None else []
        return [(row["input"], *drawn, planned.task.in_words(row))]
    if gives != "labels":
        files = f"{row['file']}, {row['picture']}" if "picture" in row else str(row["file"])
        return [(row["input"], " x ".join(map(str, row["shape"])), files)]
    if top is None:
        return [(row["input"], row["label"], f"{row['probability']:.4f}")]
    return [(row["input"], label, f"{probability:.4f}") for label, probability in row["probabilities"].items()]


class PredictProgress:
    """A context manager with a bar for `total` inputs; nothing where few are to be done, or `shown` is False."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._bar: Progress | None = None
        self._first: int | None = None
        self._begun = 0.0
        self._shown = shown and total >= _WORTH_A_BAR and sys.stderr.isatty()

    def __enter__(self) -> PredictProgress:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("predicting"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
            more = (TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
            self._bar = Progress(*columns, *more, console=Console(stderr=True), transient=True)
            self._bar.add_task("", total=self._total, rate="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, inputs: int) -> None:
        """So many inputs are done; what is done when it is called first, another call has done."""
        if self._bar is None:
            return
        if self._first is None:
            self._first, self._begun = inputs, time.monotonic()
        seconds = time.monotonic() - self._begun
        pace = (inputs - self._first) / seconds if seconds else 0.0
        rate = f"{pace:,.0f}/s" if pace >= _FAST else f"{pace:.2g}/s"
        self._bar.update(self._bar.task_ids[0], completed=inputs, rate=rate if pace else "")
