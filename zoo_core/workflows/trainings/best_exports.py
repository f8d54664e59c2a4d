"""Each new best of a training as a verified file, made beside it: `-t export_best=true`.

A process of its own exports what the run has on the disk, so that nothing that happens there reaches the training.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from zoo_core.children.parent import Child, ending_of
from zoo_core.errors import Terminated
from zoo_core.records import BestExport, EpochRow, RunInfo
from zoo_core.tasks import Task
from zoo_core.training.directory import RunDirectory, read_rows
from zoo_core.training.epoch_rows import best_row, metrics_from

_CALL = "zoo_core.workflows.trainings.best_export_child:main"
_WAIT_SECONDS = 3600.0
"""For a message at a time: who waits has nothing else to do."""


def wanted(config: Any) -> bool:
    """Whether the options of a trainer ask for it."""
    return bool(getattr(config, "export_best", False))


def check_exportable(name: str) -> None:
    """Raise ZooError, before the first step, where no export of a run of that name can be made, or lie in its place."""
    from zoo_core.export.publish.publish import check_target
    from zoo_core.workflows.exports.export_source import default_target, need_export_extra

    need_export_extra()
    check_target(default_target(name))


def beside(directory: RunDirectory, info: RunInfo, rows: Sequence[EpochRow], task: Task) -> BestExports:
    """The exports of a training that begins, or goes on after these rows."""
    return BestExports(directory, info, before=best_row(rows, selection=task.selection) if rows else None)


class BestExports:
    """The exports of one training, at most one at a time: of what is best when there is time for one.

    Entering the context begins that of the best epoch of `before`, where its training was stopped before it was there;
    leaving it ends the one that is being made: what was published before that stays.
    """

    def __init__(self, directory: RunDirectory, info: RunInfo, *, before: EpochRow | None = None) -> None:
        from zoo_core.workflows.exports.export_source import default_target

        self._directory, self._info, self._before = directory, info, before
        self._target = default_target(info.name)
        self._child: Child | None = None
        self._waiting: int | None = None
        self._epoch = 0

    def __enter__(self) -> Self:
        if self._before is not None:
            known = {row.epoch: row.exported for row in read_rows(self._directory.path)}
            if known.get(self._before.epoch) is None:
                self.start(self._before.epoch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(stopped=True)

    def epoch_ended(self, row: EpochRow, *, best: EpochRow) -> BestExport | None:
        """What came of an export meanwhile. Where `row`, which has just ended, is the best, its own begins."""
        found = self.come()
        if row is best and row.epoch < self._info.epochs:  # the export of the finished run comes after the last one
            self.start(best.epoch)
        return found

    def start(self, epoch: int) -> None:
        """That epoch is a new best: its export begins now, or when the one that is being made is done."""
        if self._child is not None:
            self._waiting = epoch
            return
        self._epoch, self._waiting = epoch, None
        self._child = self._started(beside=True)

    def come(self) -> BestExport | None:
        """What came of an export since this was last asked; the next one begins."""
        if self._child is None:
            return None
        try:
            found = self._answer(self._child, seconds=0.01)
        except TimeoutError:
            return None
        self._end(stopped=False)
        if self._waiting is not None and self._waiting > found.epoch:
            self.start(self._waiting)
        return found

    def last(self) -> BestExport:
        """The export of the finished run, whose file says so. Whoever does not want to wait stops it, and goes on."""
        self._epoch = self._info.best_epoch or 0
        with self._started(beside=False) as child:
            try:
                while True:
                    with contextlib.suppress(TimeoutError):
                        return self._answer(child, seconds=_WAIT_SECONDS)
            except (KeyboardInterrupt, Terminated):
                return self._failed("it was stopped")

    def _started(self, *, beside: bool) -> Child:
        task = {"run": str(self._directory.path), "target": str(self._target), "beside": beside}
        return Child(_CALL, task, clears_up=True)

    def _answer(self, child: Child, *, seconds: float) -> BestExport:
        message = child.message(seconds)
        if message is None:
            code = child.exit_code()
            return self._failed(f"its process {'does not end' if code is None else ending_of(code)}")
        scores = message["validation"]
        found = BestExport(**{**message, "validation": None if scores is None else metrics_from(scores)})
        if found.validation is not None:
            self._directory.write_exported(found.epoch, found.validation)
        return found

    def _failed(self, why: str) -> BestExport:
        return BestExport(epoch=self._epoch, outcome="failed", folder=str(self._target), detail=why)

    def _end(self, *, stopped: bool) -> None:
        """`stopped`: it is not done, and takes away what it has begun to write."""
        child, self._child = self._child, None
        if child is not None:
            child.__exit__(KeyboardInterrupt if stopped else None)
