"""How a long prediction shows itself: a bar, where stderr is a terminal and the rows go elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_WORTH_A_BAR = 20


class PredictProgress:
    """A context manager with a bar for `total` inputs; nothing where few are to be done, or `shown` is False."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._bar: Progress | None = None
        self._shown = shown and total >= _WORTH_A_BAR and sys.stderr.isatty()

    def __enter__(self) -> PredictProgress:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("predicting"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, inputs: int) -> None:
        """So many inputs are done."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=inputs)
