"""Epochs as rows: reading them back, and saying which of them was best. No torch here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.records import EpochRow


def best_row(rows: Sequence[EpochRow], *, selection: str) -> EpochRow:
    """The row with the highest `selection` metric on the validation part; with a minus before it, the lowest.

    Equal ones are settled by the lower validation loss: on a small validation part many epochs tie in
    accuracy, and the loss is the finer measure of the same thing. What is still equal, or has no loss, goes to the
    earlier epoch. NaN is worse than any number.
    """
    metric, sign = selection.removeprefix("-"), -1 if selection.startswith("-") else 1

    def rank(row: EpochRow) -> tuple[float, float, int]:
        return _number(sign * row.validation[metric]), _number(-row.validation.get("loss", 0.0)), -row.epoch

    return max(rows, key=rank)


def out_of_patience(rows: Sequence[EpochRow], patience: int | None, *, selection: str, start: int) -> bool:
    """Whether the last `patience` epochs, of those after the first `start`, brought nothing better."""
    if patience is None or not rows:
        return False
    return len(rows) - max(best_row(rows, selection=selection).epoch, start) >= patience


def has_reached(rows: Sequence[EpochRow], value: float | None, *, selection: str) -> bool:
    """Whether an epoch is as good as `value`, or better, by what picks the best one; None is never reached."""
    if value is None:
        return False
    metric, less = selection.removeprefix("-"), selection.startswith("-")
    found = [row.validation[metric] for row in rows]
    return any(each <= value if less else each >= value for each in found)


def _number(value: float) -> float:
    """The same, or less than any other where it is NaN, which nothing is above or below."""
    return -math.inf if math.isnan(value) else value


TIMED = ("seconds", "samples_per_second", "feed_share")
"""What of an epoch is another number each time, where it is told."""

_MEASURED = ("gradient_norm", "largest_gradient_norm", "samples_per_second", "feed_share")
"""What not every trainer tells of an epoch, nor older versions."""


def read_row(data: Any) -> EpochRow:
    """One row from plain JSON. Raises ValueError, TypeError or KeyError on anything else."""
    if not isinstance(data, Mapping):
        raise TypeError(f"a row is an object, not a {type(data).__name__}")
    return EpochRow(
        epoch=int(data["epoch"]),
        train=metrics_from(data["train"]),
        validation=metrics_from(data["validation"]),
        learning_rate=float(data["learning_rate"]),
        seconds=float(data["seconds"]),
        **{name: float(data[name]) for name in _MEASURED if data.get(name) is not None},
        exported=metrics_from(data["exported"]) if data.get("exported") is not None else None,
    )


def with_files_known(rows: Sequence[EpochRow], known: Sequence[EpochRow]) -> list[EpochRow]:
    """The rows, each with what the file of its weights scores as far as `known` rows say: an epoch that was trained
    again has the same weights where it has the same metrics."""
    files = {(row.epoch, tuple(row.validation.items())): row.exported for row in known if row.exported is not None}
    return [
        dataclasses.replace(row, exported=row.exported or files.get((row.epoch, tuple(row.validation.items()))))
        for row in rows
    ]


def metrics_from(data: Any) -> dict[str, float]:
    """Metrics from plain JSON, which has null for NaN. Raises as `read_row`."""
    return {str(name): math.nan if value is None else float(value) for name, value in dict(data).items()}


def metrics_text(metrics: Mapping[str, float]) -> str:
    """`loss 0.0123  accuracy 0.9944`, for people."""
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
