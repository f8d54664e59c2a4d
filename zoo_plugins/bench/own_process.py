"""An engine in a process of its own, which is told what to run, and tells how long it took."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.runtime import Timing, receive_arrays, send_arrays

MOST_SECONDS = 900.0
"""For one step: to load a model, or one turn of runs. To compile one may take minutes."""

Arrays = Mapping[str, NDArray[Any]]


class EngineProcess:
    """A process that has loaded a model into an engine. Raises ZooError where it cannot, with the engine's reason."""

    def __init__(self, engine: str, task: Mapping[str, Any]) -> None:
        self._engine = engine
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zoo_plugins.bench.engine_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which ends it
        )
        self._asked(task, {})

    def timed(self, inputs: Arrays, *, times: int) -> Timing:
        """Answer so many times. Raises ZooError with the engine's reason."""
        told, outputs = self._asked({"times": times}, inputs)
        return Timing(seconds=tuple(told["seconds"]), outputs=outputs, peak_bytes=told["peak"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _asked(self, message: Mapping[str, Any], arrays: Arrays) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        late = threading.Timer(MOST_SECONDS, self._process.kill)
        late.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended, which is told below
                send_arrays(_pipe(self._process.stdin), message, arrays)
            answer = receive_arrays(_pipe(self._process.stdout))
        except BaseException:  # Ctrl-C: an answer that nobody has read would be taken for the next one
            self.close()
            raise
        finally:
            overdue = late.finished.is_set()
            late.cancel()
        if answer is None:
            self.close()
            why = f"took more than {MOST_SECONDS:.0f} s" if overdue else f"ended ({self._process.returncode})"
            hint = "too little memory is the usual reason; --batch 1, or another --engine"
            raise ZooError(f"the process that runs {self._engine} {why}", hint=hint)
        if "error" in answer[0]:
            self.close()
            raise ZooError(f"{self._engine}: {answer[0]['error']}", hint=answer[0]["hint"])
        return answer


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("both are pipes")
    return pipe
