"""What `zoo train` prints of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands.common import print_json, say
from zoo_core.commands.next_step import export_of, use_of, use_of_run, without, words_of
from zoo_core.records import counted, lasting

from .progress import export_words, summary

if TYPE_CHECKING:
    from zoo_core.records import BestExport, EpochRow, RunInfo
    from zoo_core.registry import Zoo
    from zoo_core.training import Run


LONG_WAIT, LONG_WAIT_SECONDS = 0.1, 10.0
"""The part of its time, and the time, that a training waits for batches, from which on that is told."""


def show_tried(info: RunInfo, *, as_json: bool) -> None:
    """That a dry run has worked, and the command without it."""
    if as_json:
        print_json({"dry_run": True, "model": info.model, "dataset": info.dataset})
        return
    say("Dry run: training, validation, saving and the export check work; no run was left.")
    say(f"Next: {without('--dry-run')}")


def show_trained(info: RunInfo, done: Run, zoo: Zoo, *, called: str, as_json: bool) -> None:
    """The metrics of a run and what comes next; `called`: its name or path. Raises ZooError for what is no number."""
    from zoo_core.workflows.trainings.train import run_report
    from zoo_core.workflows.unmeasured import refuse_unmeasured

    if as_json:
        print_json(run_report(done))
    else:
        for line in (*summary(info, epochs=len(done.rows)), *_waiting(done), f"  files       {done.path}"):
            say(line)
        if (certificate := info.resume_certificate) is not None:
            times = counted(len(certificate.resumed_after), "time")
            say(f"  resumes     killed {times} and resumed, a second training ends with the same bits")
        if (export := info.best_export) is not None:
            say(f"  export      {_export_line(export, info.metric)}")
        say(f"Next: {_next(info, called, zoo)}")
    refuse_unmeasured(
        {"validation": info.validation, "test": info.test},
        shown=f"run {done.name!r}",
        kept=f"the run is finished, and its weights are kept in {done.path}",
    )
    if info.best_export is not None and info.best_export.outcome != "verified":
        _refuse_unexported(info.best_export, done.rows, again=export_of(called, zoo))


def _next(info: RunInfo, called: str, zoo: Zoo) -> str:
    export = info.best_export
    if export is None or export.outcome != "verified" or info.beats_chance is False:
        return use_of_run(called, zoo)
    return use_of(export.folder, words_of(Path(export.folder)))


def _export_line(export: BestExport, metric: str) -> str:
    if export.outcome != "verified":
        return export_words(export, metric)
    return f"{export.folder}, verified; {export_words(export, metric)}"


def _refuse_unexported(export: BestExport, rows: Sequence[EpochRow], *, again: str) -> None:
    """Raise NotVerifiedError for a best that has no verified file, which says what lies in its place."""
    from zoo_core.errors import NotVerifiedError

    earlier = [row.epoch for row in rows if row.exported is not None and row.epoch != export.epoch]
    older = f"; {export.folder} is still that of epoch {earlier[-1]}" if earlier else ""
    raise NotVerifiedError(
        f"the best epoch, {export.epoch}, has no verified file: {export.detail}",
        hint=f"the run itself is finished{older}; {again} tries once more",
    )


def _waiting(done: Run) -> list[str]:
    """A line for a training whose batches took long to come."""
    shares = [row.feed_share for row in done.rows if row.feed_share is not None]
    share = sum(shares) / len(shares) if shares else 0.0
    waited = share * sum(row.seconds for row in done.rows)
    if share < LONG_WAIT or waited < LONG_WAIT_SECONDS:
        return []
    told = f"{share:.0%} of the training time, {lasting(waited)}, went by before batches came"
    return [f"  feed        {told}: zoo info {done.info.trainer} explains feed and workers"]
