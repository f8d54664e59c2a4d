"""Epochs as rows: reading them back, and saying which of them was best. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.records import EpochRow


def best_row(rows: Sequence[EpochRow], *, selection: str) -> EpochRow:
    """The row with the highest `selection` metric on the validation part; with a minus before it, the lowest.

    Equal ones are settled by the lower validation loss: on a small validation part many epochs tie in
    accuracy, and the loss is the finer measure of the same thing. What is still equal, or has no loss, goes to the
    earlier epoch.
    """
    metric, sign = selection.removeprefix("-"), -1 if selection.startswith("-") else 1
    return max(rows, key=lambda row: (sign * row.validation[metric], -row.validation.get("loss", 0.0), -row.epoch))


def read_row(data: Any) -> EpochRow:
    """One row from plain JSON. Raises ValueError, TypeError or KeyError on anything else."""
    if not isinstance(data, Mapping):
        raise TypeError(f"a row is an object, not a {type(data).__name__}")
    return EpochRow(
        epoch=int(data["epoch"]),
        train=_metrics(data["train"]),
        validation=_metrics(data["validation"]),
        learning_rate=float(data["learning_rate"]),
        seconds=float(data["seconds"]),
    )


def _metrics(data: Any) -> dict[str, float]:
    return {str(name): math.nan if value is None else float(value) for name, value in dict(data).items()}


def metrics_text(metrics: Mapping[str, float]) -> str:
    """`loss 0.0123  accuracy 0.9944`, for people."""
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
