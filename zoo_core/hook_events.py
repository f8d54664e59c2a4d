"""What plugins are told: hooks that return nothing. The page of all hooks is `hookspecs.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from .records import EpochRow, ExportReport, RunInfo, TrainResult

PROJECT = "zoo"
EVENTS = ("zoo_epoch_ended", "zoo_trained", "zoo_exported")

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def zoo_epoch_ended(run: RunInfo, row: EpochRow) -> None:
    """Told after each epoch of a training run, once its row and checkpoint are on the disk.

    When: in the process that trains, in order of the epochs, `row.epoch` counting from 1. A resumed run tells only of
    the epochs that it adds; a dry run tells nothing.

    Returns: nothing that counts. Be quick: the training waits. What it is told are copies of its own, in which mappings
    cannot be changed.

    On error: a listener that raises, or that changes what the whole program has (the working folder, signal handlers,
    the locale, PyTorch's settings), is told no more events, with one warning; these are put back, and the training goes
    on.

    Example:

        from zoo_core import hookimpl


        @hookimpl
        def zoo_epoch_ended(run, row):
            with open("epochs.txt", "a") as file:
                print(run.name, row.epoch, row.train["loss"], row.validation["loss"], file=file)
    """


@hookspec
def zoo_trained(run: RunInfo, result: TrainResult) -> None:
    """Told when a training run has ended by itself, with its final `run.json`.

    When: once, in the process that trained, after the test split was measured. Not after Ctrl-C or an error: such a run
    can be resumed, and tells then.

    Returns: nothing that counts.

    On error: as `zoo_epoch_ended`; the run is whole.

    Example:

        from zoo_core import hookimpl


        @hookimpl
        def zoo_trained(run, result):
            with open("trained.txt", "a") as file:
                print(run.name, result.best_epoch, run.test and run.test["accuracy"], file=file)
    """


@hookspec
def zoo_exported(report: ExportReport) -> None:
    """Told when a verified export has been published.

    When: once for each export, its folder in place. An export that was not verified is not published, and nobody is
    told.

    Returns: nothing that counts.

    On error: as `zoo_epoch_ended`; the export is whole.

    Example:

        from zoo_core import hookimpl


        @hookimpl
        def zoo_exported(report):
            with open("exported.txt", "a") as file:
                print(report.name, report.model, report.outcome, report.files["model.onnx"], file=file)
    """
