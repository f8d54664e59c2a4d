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
from typing import IO, Any

from numpy.typing import NDArray

from zoo_core.children.memory import default_memory_limit
from zoo_core.children.watch import Watch
from zoo_core.errors import ZooError
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.known import is_known

from .array_pipe import Arrays, receive, send
from .session import LocalSession, Session, SessionSettings, Source

USUAL_MEMORY = 4_000_000_000
"""Bytes that a file may need beside four times what it stores: enough for the batches that are run here."""
STEP_SECONDS = 600.0
STARTING_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a process that runs a file may use.

    Memory in bytes; default 4 GB and four times what the file stores, at most nine tenths of what is available.
    `seconds` for each step, which is to load the file, and then each batch; default 600.
    """

    memory: int | None = None
    seconds: float | None = None

    def memory_for(self, file: OnnxFile) -> int | None:
        """The limit for this file; None on a system that does not tell how much is used (other than Linux)."""
        if self.memory is not None:
            return self.memory
        available = default_memory_limit()
        stored = sum(tensor.nbytes for graph in file.graph.walk() for tensor in graph.all_tensors())
        return None if available is None else min(available, USUAL_MEMORY + 4 * max(stored, file.size))


Isolated = bool | Limits | None
"""Whether a file runs in a process of its own: True or its Limits; None: where this machine does not know the file."""


def limits_of(file: OnnxFile, isolated: Isolated) -> Limits | None:
    """The limits under which a vetted file runs; None: it runs in this process."""
    if isinstance(isolated, Limits):
        return isolated
    if isolated is None:
        isolated = not is_known(file)
    return Limits() if isolated else None


def open_session(file: OnnxFile, settings: SessionSettings, *, isolated: Isolated = None) -> Session:
    """A session for a vetted file. Raises ZooError with onnxruntime's reason, or with the limit that was reached."""
    limits = limits_of(file, isolated)
    source = Source.of(file)
    return LocalSession(source, settings) if limits is None else IsolatedSession(file, source, settings, limits)


class IsolatedSession:
    """A session in a child process, which ends with this object, and with this process."""

    def __init__(self, file: OnnxFile, source: Source, settings: SessionSettings, limits: Limits) -> None:
        self._path = source.path
        self._seconds = STEP_SECONDS if limits.seconds is None else limits.seconds
        self._memory = limits.memory_for(file)
        self._owner = os.getpid()
        self._one_at_a_time = threading.Lock()
        self._child = subprocess.Popen(
            # -P: a file called onnxruntime.py where the user stands is not imported.
            [sys.executable, "-P", "-m", "zoo_core.runtime.running.isolated_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            start_new_session=True,  # Ctrl-C is for the parent, which ends it
        )
        weakref.finalize(self, _end, self._child, self._owner)
        self._watch = Watch(self._child, memory=self._memory)
        self._end_told: ZooError | None = None
        content = None if source.content is None else len(source.content)
        start = {
            "path": os.path.abspath(source.path),
            "shown": source.path,
            "content": content,
            "one_size": source.one_size,
            "settings": asdict(settings),
            "seconds": self._seconds,
        }
        self._asked(start, "loading", seconds=self._seconds + STARTING_SECONDS, content=source.content)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs by name. Raises ZooError with onnxruntime's reason, or with the limit that was reached."""
        if os.getpid() != self._owner:
            hint = "open the model in each process, or with isolated=False before the processes part"
            raise ZooError(f"{self._path} was opened by another process", hint=hint)
        with self._one_at_a_time:
            return self._asked({}, "running", seconds=self._seconds, arrays=inputs)

    def _asked(
        self,
        message: dict[str, Any],
        doing: str,
        *,
        seconds: float,
        content: bytes | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> Arrays:
        if self._end_told is not None:
            raise self._end_told
        try:
            with self._watch.step(seconds):
                with suppress(BrokenPipeError):  # it has ended; why is told below
                    send(self._pipe(self._child.stdin), message, arrays)
                    if content is not None:
                        self._pipe(self._child.stdin).write(content)
                        self._pipe(self._child.stdin).flush()
                answer = receive(self._pipe(self._child.stdout), most=self._memory)
        except ValueError as error:
            _end(self._child, self._owner)
            raise ZooError(f"{doing} {self._path}: the process that runs it does not answer: {error}") from None
        except BaseException:  # an answer that nobody has read would be taken for the next one
            _end(self._child, self._owner)
            raise
        if answer is None:
            self._end_told = self._ended(doing)
            raise self._end_told
        told, outputs = answer
        if "error" in told:
            raise ZooError(str(told["error"]), hint=str(told["hint"]) if told.get("hint") else None)
        return outputs

    def _ended(self, doing: str) -> ZooError:
        _end(self._child, self._owner)
        if self._watch.exceeded is not None:
            hint = "a limit for files that this machine does not know; --memory and --timeout change it"
            return ZooError(f"{doing} {self._path} {self._watch.exceeded}", hint=hint)
        code = self._child.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return ZooError(f"{doing} {self._path} failed: the process that runs it {how}", hint="do not use this file")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise RuntimeError("both are pipes")
        return pipe


def _end(child: subprocess.Popen[bytes], owner: int) -> None:
    """End the child; not from a copy of the process that started it, which has no say in it."""
    if os.getpid() != owner:
        return
    if child.poll() is None:
        child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
