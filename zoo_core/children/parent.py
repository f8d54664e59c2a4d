"""The parent's side: starts a child process, reads its messages as they come, and ends it with all that it started."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any, Self

from zoo_core.foreign_text import terminal_stream

GRACE_SECONDS = 10.0
"""What a parent waits beyond a limit: the child's own alarm comes first, and knows where it hangs."""

_BOOT = (
    "import json, sys; start = json.loads(sys.stdin.readline()); sys.path[:] = start['path']; "
    "from zoo_core.children.child import serve; serve(start)"
)
_ALARM = re.compile(r"^Timeout \(", re.MULTILINE)
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 2.0
_LONGEST_MESSAGE = 100_000_000
_LONGEST_REPORT = 1_000_000


class Child:
    """One child process that calls `module:function` with a `Line`, and the threads that read what it says.

    `task` is plain JSON. What the code in it prints goes nowhere, unless `shown`: then it goes to our stderr. Either
    way it is no message: those have a way of their own, and a key that only the two processes know. What Python tells
    of a crash goes through a pipe and into no file, so that a full disk does not matter. Leaving the context ends the
    process and all that it has started; one that `clears_up` is asked first when that happens with an exception.
    """

    def __init__(
        self,
        call: str,
        task: Any,
        *,
        environment: Mapping[str, str] | None = None,
        shown: bool = False,
        clears_up: bool = False,
    ) -> None:
        self._clears_up = clears_up
        self._key = os.urandom(16).hex()
        self._shown = shown
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._report = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # so that what it starts can be ended with it
        )
        start = {"path": sys.path, "call": call, "task": task, "key": self._key, "shown": shown}
        # Its stdin stays open as long as we live: by its end the child knows that nobody listens any more.
        with contextlib.suppress(OSError):
            self._pipe(self.process.stdin).write(f"{json.dumps(start)}\n".encode())
            self._pipe(self.process.stdin).flush()
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._listen, self.process.stdout), (self._keep, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *more: object) -> None:
        try:
            if kind is not None and self._clears_up:
                self._shown = False
                self._signal_all(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=_STOP_SECONDS)
        finally:
            self._end_all()
            self.process.wait()
            for reader in self._readers:
                reader.join(timeout=1)
            if self.process.stdin is not None:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            for reader, pipe in zip(self._readers, (self.process.stdout, self.process.stderr), strict=True):
                if pipe is not None and not reader.is_alive():
                    pipe.close()

    def message(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None when no more can come. Raises TimeoutError when none has come for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                return self._messages.get(timeout=min(_LOOK_SECONDS, left))
            except queue.Empty:
                if self.process.poll() is not None:
                    return self._last_message()
        raise TimeoutError

    def _last_message(self) -> dict[str, Any] | None:
        """Of a process that has ended, while something that it has started holds its pipe open."""
        self._end_all()
        self._readers[0].join(timeout=1)
        with contextlib.suppress(queue.Empty):
            return self._messages.get_nowait()
        return None

    def exit_code(self) -> int | None:
        """That of a process whose messages have ended, negative for a signal; None for one that goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=GRACE_SECONDS)
        return None

    @property
    def report(self) -> str:
        """The end of what it wrote to stderr. It is whole when the process has ended."""
        self._readers[1].join(timeout=1)
        return self._report.decode(errors="replace")

    @property
    def alarm_rang(self) -> bool:
        """Whether it has ended, and that because something took longer than its limit (see `Line.limit`)."""
        return self.process.poll() == 1 and _ALARM.search(self.report) is not None

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise RuntimeError("all three are pipes")
        return pipe

    def _listen(self, pipe: IO[bytes]) -> None:
        key = f"{self._key} ".encode()
        with contextlib.suppress(OSError, ValueError):
            while line := pipe.readline(_LONGEST_MESSAGE):
                # Code that writes into every open file disturbs nothing: what has no key is not from us.
                if line.startswith(key):
                    with contextlib.suppress(ValueError, RecursionError):
                        if isinstance(message := json.loads(line[len(key) :]), dict):
                            self._messages.put(message)
        self._messages.put(None)

    def _keep(self, pipe: IO[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="backslashreplace")
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 1 << 16):
                self._report += data
                del self._report[:-_LONGEST_REPORT]
                if self._shown:
                    with contextlib.suppress(OSError):  # our own stderr may be closed
                        _write(2, terminal_stream(decoder.decode(data)).encode())

    def _end_all(self) -> None:
        self._signal_all(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, number)
            else:
                self.process.kill()


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def ending_of(code: int) -> str:
    """What an exit code says, as the end of a sentence: `was killed by SIGSEGV`, `ends with exit code 3`."""
    if code >= 0:
        return f"ends with exit code {code}"
    full = " (which a system does when it runs out of memory)" if -code == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{full}"
