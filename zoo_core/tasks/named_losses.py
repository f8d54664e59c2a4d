"""Losses by name, as `-t loss=NAME` chooses them; the losses themselves are a task's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from zoo_core.errors import UsageError, did_you_mean

Chosen = TypeVar("Chosen")


def loss_by_name(losses: Mapping[str, Chosen], name: str | None, *, task: str, label_smoothing: float = 0.0) -> Chosen:
    """The loss called `name`, or the first of them for None; none of them smooths labels.

    Raises UsageError for a name that is unknown, and for `label_smoothing` other than 0.
    """
    if label_smoothing:
        raise UsageError(f"label_smoothing is for classes, not for {task}", hint="leave it out")
    if name is None:
        return next(iter(losses.values()))
    if name not in losses:
        raise UsageError(f"there is no loss {name!r}", hint=did_you_mean(name, losses) or f"one of {', '.join(losses)}")
    return losses[name]
