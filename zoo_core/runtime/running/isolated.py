"""A file that this machine does not know runs in a process of its own, with a limit of memory and one of time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_core.children.memory import default_memory_limit
from zoo_core.children.parent import ending_of
from zoo_core.children.watch import Watch
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.known import is_known

from .array_pipe import Arrays, receive_arrays, send_arrays
from .faults import WrongExportError
from .session import LocalSession, Session, SessionFile, SessionSettings, Timing

USUAL_MEMORY = 4_000_000_000
"""Bytes that a file may need beside four times what it stores: enough for the batches that are run here."""
STEP_SECONDS = 600.0
STARTING_SECONDS = 60.0
MOST_ENDS = 3
"""Processes in a row that end without an answer."""
LARGEST_LIMIT = 1e15


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a process that runs a file may use.

    Memory in bytes; default 4 GB and four times what the file stores, at most nine tenths of what is available.
    `seconds` for each step, which is to load the file, and then each batch; default 600.
    """

    memory: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value, what in (("memory", self.memory, "bytes"), ("seconds", self.seconds, "seconds")):
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if value is not None and not (number and 0 < value < LARGEST_LIMIT):
                raise UsageError(f"{name} is a number of {what} above 0 and below 1e15, not {value!r}")

    def memory_for(self, file: OnnxFile) -> int | None:
        """The limit for this file; None on a system that does not tell how much is used (other than Linux)."""
        if self.memory is not None:
            return self.memory
        available = default_memory_limit()
        stored = sum(tensor.nbytes for graph in file.graph.walk() for tensor in graph.all_tensors())
        return None if available is None else min(available, USUAL_MEMORY + 4 * max(stored, file.size))


Isolated: TypeAlias = bool | Limits | None
"""Whether a file runs in a process of its own: True or its Limits; None: where this machine does not know the file."""


def limits_of(file: OnnxFile, isolated: Isolated) -> Limits | None:
    """The limits under which a vetted file runs; None: it runs in this process. Raises UsageError for other values."""
    if isinstance(isolated, Limits):
        return isolated
    if not (isolated is None or isinstance(isolated, bool)):
        raise UsageError(
            f"isolated is True, False, None or Limits, not {isolated!r}",
            hint="isolated=Limits(memory=BYTES, seconds=SECONDS) for a process of its own with these limits",
        )
    if isolated is None:
        isolated = not is_known(file)
    return Limits() if isolated else None


def open_session(file: OnnxFile, settings: SessionSettings, *, isolated: Isolated = None) -> Session:
    """A session for a vetted file. Raises ZooError with onnxruntime's reason, or with the limit that was reached."""
    limits = limits_of(file, isolated)
    source = SessionFile.of(file)
    return LocalSession(source, settings) if limits is None else IsolatedSession(file, source, settings, limits)


class IsolatedSession:
    """A session in a child process, which ends with this object, and with this process.

    One that reached its limit of memory, or crashed, is started again for the next inputs: these may have been to
    blame. After three in a row the file is.
    """

    def __init__(self, file: OnnxFile, loaded: SessionFile, settings: SessionSettings, limits: Limits) -> None:
        self._file = loaded
        self._settings = settings
        self._seconds = STEP_SECONDS if limits.seconds is None else limits.seconds
        self._memory = limits.memory_for(file)
        self._owner = os.getpid()
        self._one_at_a_time = threading.Lock()
        self._ends = 0
        self._given_up: WrongExportError | None = None
        self._child: _Child | None = self._started()

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs by name. Raises ZooError with onnxruntime's reason, or with the limit that was reached.

        WrongExportError where it makes no sense to try other inputs.
        """
        return self._asked({}, inputs)[1]

    def timed(self, inputs: Mapping[str, NDArray[Any]], *, times: int) -> Timing:
        """As `run`, so many times; all of them together within the seconds of the limit."""
        told, outputs = self._asked({"times": times}, inputs)
        return Timing(seconds=_seconds_told(told), outputs=outputs, peak_bytes=_bytes_told(told))

    def _asked(self, message: dict[str, Any], inputs: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
        if os.getpid() != self._owner:
            hint = "open the model in each process, or with isolated=False before the processes part"
            raise ZooError(f"{self._file.path} was opened by another process", hint=hint)
        with self._one_at_a_time:
            if self._given_up is not None:
                raise self._given_up
            self._child = self._child or self._started()
            try:
                answer = self._child.asked(message, "running", seconds=self._seconds, arrays=inputs)
            except _EndedError as error:
                self._child = None
                self._ends += 1
                if error.by_time or self._ends == MOST_ENDS:
                    self._given_up = WrongExportError(error.message, hint=error.hint, command_hint=error.command_hint)
                    raise self._given_up from None
                raise
            self._ends = 0
            return answer

    def close(self) -> None:
        """End the process that runs the file."""
        if self._child is not None:
            self._child.end()

    def _started(self) -> _Child:
        child = _Child(self._file.path, memory=self._memory)
        weakref.finalize(self, child.end)
        start = {
            "path": os.path.abspath(self._file.path),
            "shown": self._file.path,
            "content": None if self._file.content is None else len(self._file.content),
            "one_size": self._file.one_size,
            "settings": asdict(self._settings),
            "seconds": self._seconds,
        }
        child.asked(start, "loading", seconds=self._seconds + STARTING_SECONDS, content=self._file.content or b"")
        return child


class _EndedError(ZooError):
    """The child has ended; `by_time`: because it took too long."""

    by_time = False


class _Child:
    """The process, and how it is asked."""

    def __init__(self, path: str, *, memory: int | None) -> None:
        self._path = path
        self._memory = memory
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            # -P: a file called onnxruntime.py where the user stands is not imported.
            [sys.executable, "-P", "-m", "zoo_core.runtime.running.isolated_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            start_new_session=True,  # Ctrl-C is for the parent, which ends it
        )
        self._watch = Watch(self._process, memory=memory)

    def asked(
        self,
        message: dict[str, Any],
        doing: str,
        *,
        seconds: float,
        content: bytes = b"",
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> tuple[dict[str, Any], Arrays]:
        """What it answers. Raises ZooError with its reason, and _EndedError where it has ended."""
        try:
            with self._watch.step(seconds):
                with suppress(BrokenPipeError):  # it has ended; why is told below
                    send_arrays(_pipe(self._process.stdin), message, arrays)
                    _pipe(self._process.stdin).write(content)
                    _pipe(self._process.stdin).flush()
                answer = receive_arrays(_pipe(self._process.stdout), most=self._memory)
        except ValueError as error:
            self.end()
            hint = "do not use this file"
            raise WrongExportError(
                f"{doing} {self._path} gives no answer that can be read: {error}", hint=hint
            ) from None
        except BaseException:  # an answer that nobody has read would be taken for the next one
            self.end()
            raise
        if answer is None:
            self.end()
            raise self._ended(doing)
        told, _ = answer
        if "error" in told:
            raise ZooError(str(told["error"]), hint=str(told["hint"]) if told.get("hint") else None)
        return answer

    def _ended(self, doing: str) -> _EndedError:
        if self._watch.exceeded is not None:
            of_what = "a limit of the process that runs the file"
            error = _EndedError(
                f"{doing} {self._path} {self._watch.exceeded}",
                hint=f"{of_what}; isolated=Limits(memory=BYTES, seconds=SECONDS) changes it",
                command_hint=f"{of_what}; --memory and --timeout change it",
            )
            error.by_time = self._watch.out_of_time
            return error
        how = ending_of(self._process.returncode)
        hint = "too little memory, or a file that must not be used: `zoo verify` says more"
        return _EndedError(f"{doing} {self._path} failed: the process that runs it {how}", hint=hint)

    def end(self) -> None:
        """End it; not from a copy of the process that started it, which has no say in it."""
        if os.getpid() != self._owner:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _seconds_told(told: Mapping[str, Any]) -> tuple[float, ...]:
    """A process that runs a stranger's file is believed nothing but numbers."""
    seconds = told.get("seconds")
    if not isinstance(seconds, list) or not all(isinstance(each, float) and each >= 0 for each in seconds):
        raise ZooError("the process that runs the file does not tell how long it took", hint="do not use this file")
    return tuple(seconds)


def _bytes_told(told: Mapping[str, Any]) -> int | None:
    peak = told.get("peak")
    return peak if type(peak) is int and peak > 0 else None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("both are pipes")
    return pipe
