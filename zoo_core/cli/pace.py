"""How fast a training goes within an epoch, and how much time is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from zoo_core.records import lasting


class Pace:
    """The steps of a training as they are done. `epochs` are those of the whole training, `done` those behind it."""

    def __init__(self, *, epochs: int, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.epochs = epochs
        self.done = done
        self.step = 0
        self.steps = 0
        self._before = 0
        self._has_stepped = False
        self._clock = clock
        self._seconds_of_epoch: float | None = None
        self._began = clock()

    def goes_on(self, step: int, steps: int) -> None:
        """Steps of this epoch were done before, in a time that nobody knows here."""
        self.step, self.steps, self._before = step, steps, step

    def stepped(self, step: int, steps: int) -> None:
        """Step `step` of the `steps` of this epoch is done."""
        self.step, self.steps = step, steps
        if not self._has_stepped and step == self._before + 1:
            # The first one has to wait for much that is done once, and says nothing of the others.
            self._before, self._began = step, self._clock()
        self._has_stepped = True

    def epoch_ended(self, number: int, *, seconds: float) -> None:
        """Epoch `number` is done; it took that long with its validation."""
        self.done, self.step, self._before = number, 0, 0
        self._seconds_of_epoch = seconds
        self._began = self._clock()

    @property
    def rate(self) -> float:
        """Steps a second in this epoch; 0 before its first step, and for the first of the training."""
        seconds = self._clock() - self._began
        steps = self.step - self._before
        return steps / seconds if steps and seconds > 0 else 0.0

    @property
    def text(self) -> str:
        """`4.1 steps/s, 3 min left, 1 h 5 min in all`; empty where the rate is not known."""
        rate = self.rate
        if not rate:
            return ""
        left = (self.steps - self.step) / rate
        others = self.epochs - self.done - 1
        text = f"{rate:.3g} steps/s, {lasting(left)} left"
        if others < 1:
            return text
        return f"{text}, {lasting(left + others * (self._seconds_of_epoch or self.steps / rate))} in all"
