"""How a training shows itself: a bar when stderr is a terminal, otherwise a line an epoch, and one every 30 seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from zoo_core.commands.common import note
from zoo_core.records import BestExport, EpochRow, RunInfo, counted

from .pace import Pace

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from zoo_core.workflows.trainings.one_training import TrainCallbacks


QUIET_SECONDS = 30.0
"""Without a terminal: nobody waits longer for a line while steps are done."""


class TrainProgress:
    """A context manager that shows what the callbacks of `zoo_core.workflows.trainings.train.train` tell.

    `info` is the run's record as soon as it has started, so that a stopped run can be named. `clock` gives seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.info: RunInfo | None = None
        self.saved = 0
        """Steps of the epoch under way that are kept where the training is stopped."""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._clock = clock
        self._pace = Pace(epochs=0, clock=clock)
        self._told = clock()
        self._export = ""

    def __enter__(self) -> TrainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def callbacks(self) -> TrainCallbacks:
        """What `train` is given."""
        from zoo_core.workflows.trainings.one_training import TrainCallbacks

        return TrainCallbacks(
            on_start=self.on_start,
            on_within=self.on_within,
            on_epoch=self.on_epoch,
            on_batch=self.on_batch,
            on_note=note,
            on_export=self.on_export,
        )

    def close(self) -> None:
        """Take the bar away; what comes next writes on a clean line."""
        if self._bar is not None:
            self._bar.stop()

    def on_start(self, info: RunInfo, done: int) -> None:
        """The run begins, or goes on after `done` epochs."""
        self.info = info
        self._pace = Pace(epochs=info.epochs, done=done, clock=self._clock)
        self._told = self._clock()
        more = f", going on after epoch {done}" if done else ""
        note(
            f"Run {info.name}: {info.model} on {info.dataset}, {counted(info.epochs, 'epoch')}, seed {info.seed}"
            + (f", on {info.device}" if info.device != "cpu" else "")
            + (f", in {counted(info.processes, 'process')}" if info.processes > 1 else "")
            + more
        )
        if info.init_from is not None and not done:
            fresh = f"; fresh, because they are for other classes: {', '.join(info.fresh)}" if info.fresh else ""
            note(f"Begins with the weights of {info.init_from}{fresh}")
        if sys.stderr.isatty():
            self._open_bar()

    def on_within(self, step: int, steps: int) -> None:
        """The run goes on after that step of an epoch."""
        self._pace.goes_on(step, steps)
        note(f"Epoch {self._pace.done + 1} goes on after step {step:,} of {steps:,}")

    def on_batch(self, step: int, steps: int) -> None:
        """A batch is done."""
        pace = self._pace
        pace.stepped(step, steps)
        where = f"epoch {pace.done + 1}/{pace.epochs}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=step, total=steps, description=where, pace=pace.text)
        elif self._clock() - self._told >= QUIET_SECONDS:
            self._told = self._clock()
            note(", ".join(filter(None, (f"{where}: step {step:,} of {steps:,}", pace.text))))

    def on_epoch(self, row: EpochRow) -> None:
        """An epoch is done."""
        self._pace.epoch_ended(row.epoch, seconds=row.seconds)
        self._told = self._clock()
        epochs, metric = (self.info.epochs, self.info.metric) if self.info else (row.epoch, "loss")
        line, self._export = epoch_line(row, epochs=epochs, metric=metric) + self._export, ""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
        else:
            note(line)

    def on_export(self, export: BestExport) -> None:
        """A file was made of an epoch before, which the next line tells."""
        metric = self.info.metric if self.info else "loss"
        self._export = f"  {export_words(export, metric)}"

    def on_disk(self, epochs: int, steps: int) -> None:
        """What a checkpoint has of the run that is stopped now: whole epochs, and steps of the next one."""
        self.saved = steps
        if epochs != self._pace.done:
            self._pace.epoch_ended(epochs, seconds=0.0)

    @property
    def kept(self) -> str:
        """What is left of a training that is stopped now, and what is lost."""
        pace = self._pace
        reached = f", which was at step {pace.step:,} of {pace.steps:,}," if pace.step else ""
        again = f" goes on after step {self.saved:,}" if self.saved else " begins again"
        if self.saved and self.saved == pace.step:
            reached, again = "", f"{again} of {pace.steps:,}"
        if not pace.done:
            return f"No epoch was finished, so no weights are saved yet: the first epoch{reached}{again}."
        are = f"{counted(pace.done, 'epoch')} of {pace.epochs:,} {'is' if pace.done == 1 else 'are'} kept"
        if pace.done >= pace.epochs:
            return f"{are}; what is left is to measure them."
        return f"{are}; epoch {pace.done + 1}{reached}{again}."

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        texts = (TextColumn("{task.completed}/{task.total}"), TextColumn("{task.fields[pace]}"))
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), *texts)
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=None, pace="")
        self._bar.start()


def epoch_line(row: EpochRow, *, epochs: int, metric: str) -> str:
    """`epoch  3/20  train loss 0.1234 accuracy 0.9612  validation loss 0.1101 accuracy 0.9667  0.4 s`."""
    width = len(str(epochs))
    parts = [f"epoch {row.epoch:>{width}}/{epochs}"]
    for label, metrics in (("train", row.train), ("validation", row.validation)):
        shown = [f"{name} {metrics[name]:.4f}" for name in dict.fromkeys(("loss", metric)) if name in metrics]
        parts.append(f"{label} {' '.join(shown)}")
    return "  ".join((*parts, f"{row.seconds:.1f} s"))


def export_words(export: BestExport, metric: str) -> str:
    """`file of epoch 3: accuracy 0.9639`, or why there is none that is verified."""
    if export.outcome != "verified":
        return f"no file of epoch {export.epoch}: {export.detail}"
    value = (export.validation or {}).get(metric)
    return f"file of epoch {export.epoch}: " + ("verified" if value is None else f"{metric} {value:.4f}")


def summary(info: RunInfo, *, epochs: int) -> list[str]:
    """What came of a run of so many epochs: a line, and one for each split that was measured."""
    from zoo_core.training.epoch_rows import metrics_text

    lines = [f"{info.name}: {counted(epochs, 'epoch')} in {info.seconds:.1f} s, best epoch {info.best_epoch}"]
    measured = (("validation", info.validation), ("test", info.test))
    lines += [f"  {split:<11} {metrics_text(metrics)}" for split, metrics in measured if metrics is not None]
    return lines + [f"  note        {remark}" for remark in info.remarks]
