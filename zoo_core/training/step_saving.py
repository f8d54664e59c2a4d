"""Checkpoints within epochs: when one is due, and a thread that writes it while the next steps are done."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator

from zoo_core.errors import Terminated, ZooError
from zoo_core.registry import warn

from .cadence import Cadence
from .distributed.world import ALONE, World
from .packing import NotPlainError
from .state import TrainState
from .stopping import StopAskedError, Stopping


class Saving:
    """Writes the state of a training within its epochs, and where it is told to stop.

    `state()` gives a copy of what is to be saved; `write(state)` writes it. Without a `cadence` nothing is written, and
    signals do what they do.
    """

    def __init__(
        self,
        cadence: Cadence | None,
        *,
        state: Callable[[], TrainState],
        write: Callable[[TrainState], None],
        world: World = ALONE,
    ) -> None:
        self._cadence, self._state, self._write = cadence, state, write
        self._world = world
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._stopping = Stopping()
        self._unkept = False
        self._batches = 0
        self._saved = time.monotonic()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """The training is under way: a signal waits for the end of a step, and whoever writes is waited for."""
        try:
            with self._stopping if self._cadence is not None else contextlib.nullcontext():
                yield
        finally:
            self.wait()

    def batch_done(self, *, stepped: bool) -> None:
        """A batch is done. If the optimizer has taken a step after it: save where it is time, end where it is asked."""
        self._batches += 1
        if self._cadence is None or not stepped:
            return
        busy = self._thread is not None and self._thread.is_alive()
        since = time.monotonic() - self._saved
        due = not busy and self._cadence.is_due(seconds=since, batches=self._batches) and self._world.is_first
        asked, due = self._world.any_of(self._stopping.asked, due)
        if asked:
            self.stop()
        elif due:
            self.wait()
            if (state := self._copied()) is not None and self._world.is_first:
                self._thread = threading.Thread(target=self._write_apart, args=(state,), name="checkpoint", daemon=True)
                self._thread.start()
            self.saved()

    def check(self) -> None:
        """Raise StopAskedError where a stop was asked for, of this process or of another one."""
        if self._cadence is not None and self._world.any_of(self._stopping.asked) == (True,):
            raise StopAskedError

    def stop(self, *, save: bool = True) -> None:
        """Save, and do what was asked for."""
        self.wait()
        if save and (state := self._copied()) is not None:
            self._write(state)
        self._end()

    def stop_if_asked(self) -> None:
        """The same where an epoch has just been saved as a whole."""
        if self._cadence is not None and self._world.any_of(self._stopping.asked) == (True,):
            self._end()

    def _end(self) -> None:
        self._world.wait()  # for the first process, which writes
        if not self._stopping.asked and self._world.size > 1:
            raise Terminated(128 + signal.SIGTERM)  # another process was asked, and this one ends with it
        self._stopping.stop()

    def saved(self) -> None:
        """There is a checkpoint of this moment."""
        self._batches, self._saved = 0, time.monotonic()

    def wait(self) -> None:
        """Until nobody writes. A checkpoint that could not be written is told, and the one before it is still there."""
        if self._thread is not None:
            self._thread.join()
        self._thread, failure, self._failure = None, self._failure, None
        if failure is not None:
            hint = failure.hint if isinstance(failure, ZooError) else None
            why = f"{failure} ({hint})" if hint else str(failure)
            warn(f"a checkpoint was not saved, training goes on, and the one before it is kept: {why}")

    def _copied(self) -> TrainState | None:
        if self._unkept:
            return None
        try:
            return self._state()
        except NotPlainError as error:
            self._unkept = True
            warn(f"within epochs nothing can be saved, after each as ever: the task's tally keeps {error}")
            return None

    def _write_apart(self, state: TrainState) -> None:
        try:
            self._write(state)
        except (ZooError, OSError, MemoryError) as error:
            self._failure = error
