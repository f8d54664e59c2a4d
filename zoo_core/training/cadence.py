"""How often a checkpoint is written within an epoch. No torch here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zoo_core.errors import UsageError
from zoo_core.typed_time import seconds_in

_STEPS = re.compile(r"(\d+) ?steps?")


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """A checkpoint is due so many seconds, or so many batches, after the last one; with neither, never within an epoch.

    After each epoch there is one in any case, and one where a training is told to stop.
    """

    seconds: float | None = None
    batches: int | None = None

    def is_due(self, *, seconds: float, batches: int) -> bool:
        """Whether one is, so many seconds and batches after the last."""
        by_time = self.seconds is not None and seconds >= self.seconds
        return by_time or (self.batches is not None and batches >= self.batches)


def read_cadence(text: str | None) -> Cadence:
    """What was typed: a time, such as 5m, a number of steps, such as 200steps, or none. Raises UsageError."""
    if text is None or text == "none":
        return Cadence()
    steps = _STEPS.fullmatch(text.strip())
    seconds = None if steps else seconds_in(text)
    if seconds is None and (steps is None or not int(steps[1])):
        raise UsageError(
            f"checkpoint_every is a time or a number of steps, not {text!r}",
            hint="for example -t checkpoint_every=5m, checkpoint_every=200steps, or none: after whole epochs alone",
        )
    return Cadence(seconds=seconds, batches=None if steps is None else int(steps[1]))
