"""Ctrl-C and SIGTERM while a training can be saved: they wait for the end of a step, and a second one does not."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_WAITING = (signal.SIGINT, signal.SIGTERM)


class StopAskedError(BaseException):
    """Raised where a stop was asked for and nothing can be saved right there; whoever can save catches it."""


class Stopping:
    """A context manager: the first Ctrl-C or SIGTERM within is `asked`, and nothing more, until `stop` is called.

    What it would have done is done then, or at the end of the context. Signals that are ignored stay so, and outside of
    the main thread, where Python hears of none, nothing changes.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._come: int | None = None

    @property
    def asked(self) -> bool:
        """Whether a stop was asked for."""
        return self._come is not None

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in _WAITING:
                before = signal.getsignal(number)
                if before not in {signal.SIG_IGN, None}:
                    self._before[number] = before
                    signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        if error is None or isinstance(error, StopAskedError):
            self.stop()

    def check(self) -> None:
        """Raise StopAskedError where a stop was asked for."""
        if self.asked:
            raise StopAskedError

    def stop(self) -> None:
        """Do what the signal does where nobody waits: as a rule, raise KeyboardInterrupt, or end the process."""
        number, self._come = self._come, None
        self._give_back()
        if number is not None:
            self._as_before(number, None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._come is None:
            self._come = number
            return
        self._come = None
        self._as_before(number, frame)

    def _as_before(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if callable(before):
            before(number, frame)
        else:  # SIG_DFL
            signal.signal(number, before)
            signal.raise_signal(number)

    def _give_back(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
