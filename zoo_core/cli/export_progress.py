"""How a work of several stages shows itself: on a terminal a line a stage with its seconds, otherwise plain lines."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from zoo_core.commands.common import note
from zoo_core.foreign_text import terminal_line

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class StageProgress:
    """A context manager that is called with the name of each stage as it begins; all of it goes to stderr."""

    def __init__(self) -> None:
        self._live: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> StageProgress:
        if sys.stderr.isatty():
            self._live = _live_lines()
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            if kind is None:
                self._end_stage()
            self._live.stop()
            self._live.console.file.close()
            self._live = None

    def __call__(self, stage: str) -> None:
        """A stage begins, and with it the one before has ended."""
        if self._live is None:
            note(f"{stage} ...")
            return
        self._end_stage()
        self._task = self._live.add_task(terminal_line(stage), total=None)

    def _end_stage(self) -> None:
        if self._live is not None and self._task is not None:
            self._live.update(self._task, total=1, completed=1)


def _live_lines() -> Progress:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Seconds(ProgressColumn):
        def render(self, task: Task) -> Text:
            seconds = task.finished_time if task.finished else task.elapsed
            return Text(f"{seconds or 0.0:.1f} s", style="dim")

    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        Seconds(),
        # A descriptor of its own: what is written to stderr while the exporters run is not shown.
        console=Console(file=os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")),
        redirect_stdout=False,  # stdout may be somebody's JSON
        redirect_stderr=False,
    )
