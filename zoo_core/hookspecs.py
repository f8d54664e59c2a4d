"""The contract between the zoo and its plugins: offers return data, events are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from .records import EpochRow, ExportReport, RunInfo, TrainResult
    from .specs import DatasetSpec, ModelFamily, ModelSpec, TrainerSpec

PROJECT = "zoo"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

OFFERS = ("zoo_models", "zoo_datasets", "zoo_trainers", "zoo_families", "zoo_commands")
EVENTS = ("zoo_epoch_ended", "zoo_trained", "zoo_exported")


@hookspec
def zoo_models() -> Iterable[ModelSpec]:  # type: ignore[empty-body]
    """Offer models."""


@hookspec
def zoo_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Offer datasets."""


@hookspec
def zoo_trainers() -> Iterable[TrainerSpec]:  # type: ignore[empty-body]
    """Offer trainers."""


@hookspec
def zoo_families() -> Iterable[ModelFamily]:  # type: ignore[empty-body]
    """Offer every model of an installed library, as `prefix/name`."""


@hookspec
def zoo_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Offer commands of `zoo` itself. A bundled command cannot be replaced."""


@hookspec
def zoo_epoch_ended(run: RunInfo, row: EpochRow) -> None:
    """Told after each epoch of a training run, once its row and checkpoint are on the disk."""


@hookspec
def zoo_trained(run: RunInfo, result: TrainResult) -> None:
    """Told when a training run has ended by itself, with its final `run.json`."""


@hookspec
def zoo_exported(report: ExportReport) -> None:
    """Told when a verified export has been published."""
