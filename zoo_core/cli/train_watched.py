"""A training that is watched: its progress, and what is said where it is stopped."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.commands.common import note
from zoo_core.commands.next_step import going_on

from .progress import TrainProgress

if TYPE_CHECKING:
    from zoo_core.records import RunInfo
    from zoo_core.registry import Zoo
    from zoo_core.training.run import Run


def watched_training(zoo: Zoo, asked: Mapping[str, Any], *, as_json: bool, again: str | None = None) -> RunInfo:
    """The record of the finished run. `again`: what goes on with it where that is not the run's own command."""
    from zoo_core.cli.report import show_report
    from zoo_core.errors import NotVerifiedError, ZooError
    from zoo_core.shelf import find_run
    from zoo_core.training.directory import RunDirectory
    from zoo_core.training.distributed.speaking import follows_a_failure
    from zoo_core.workflows.trainings.train import train

    with TrainProgress() as progress:
        try:
            return train(zoo, **asked, callbacks=progress.callbacks())
        except (KeyboardInterrupt, SystemExit) as stop:
            if progress.info is None or asked["dry_run"] or follows_a_failure():
                raise
            progress.close()  # what is said now stands below the bar
            run = asked["run"] if asked["resume"] else None  # one to go on with may be a path
            with contextlib.suppress(ZooError):  # a run that is gone by now has nothing
                if (saved := RunDirectory(find_run(run or progress.info.name)).saved) is not None:
                    progress.on_disk(*saved)
            note("", f"Stopped. {progress.kept}", f"To continue: {again or going_on(progress.info, run)}")
            # Ctrl-C is told in full by now; the program itself would say "Stopped." once more.
            raise SystemExit(getattr(stop, "code", 128 + signal.SIGINT)) from None
        except NotVerifiedError as error:
            progress.close()  # a bar would take the report for itself
            if (report := getattr(error, "report", None)) is not None:
                show_report(report, as_json=as_json)
            raise


def proved(zoo: Zoo, done: Run, kills: int) -> RunInfo:
    """The record of a finished run with its resume certificate. Raises NotVerifiedError where it gets none."""
    from zoo_core.workflows.trainings.proof import prove_resume

    try:
        return prove_resume(zoo, done.path, kills=kills, on_note=note)
    except (KeyboardInterrupt, SystemExit) as stop:
        note("", f"Stopped. Run {done.name} is finished; whether it resumes exactly is not known.")
        raise SystemExit(getattr(stop, "code", 128 + signal.SIGINT)) from None
