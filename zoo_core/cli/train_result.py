"""What `zoo train` prints of a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.commands.common import print_json, say
from zoo_core.commands.next_step import use_of_run, without
from zoo_core.records import counted, lasting

from .progress import summary

if TYPE_CHECKING:
    from zoo_core.records import RunInfo
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
        say(f"Next: {use_of_run(called, zoo)}")
    refuse_unmeasured(
        {"validation": info.validation, "test": info.test},
        shown=f"run {done.name!r}",
        kept=f"the run is finished, and its weights are kept in {done.path}",
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
