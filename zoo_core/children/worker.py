"""The work of a command in a copy of this process, whose end is believed only when it says itself that it is done.

Code of a plugin may end the process that it runs in, with any exit code, also with 0. The first process loads nothing,
waits, and knows the difference.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.plugin_faults import crash_line, is_plugins, line_of

from .parent import ending_of

PASSED_ON = (signal.SIGINT, signal.SIGTERM)
_HEARD_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


class LostWorkerError(ZooError):
    """The process that did the work has ended, and has not said that it is done."""


def in_worker(work: Callable[[], int]) -> int:
    """The exit code that `work` gives in a copy of this process; in the copy itself, it is returned there too.

    Ctrl-C and SIGTERM have the effect that they have without it, whoever sends them to whom, and the copy ends with
    this process. Raises LostWorkerError where the copy ends without a word. Only on Linux; elsewhere `work` is done
    here.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return work()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    listening, saying = os.pipe()
    key = os.urandom(8).hex()
    parent = os.getpid()
    if worker := os.fork():
        os.close(saying)
        return _Watch(worker, listening, key).code()
    os.close(listening)
    return _Worker(saying, key).do(work, parent)


class _Worker:
    """The copy, which tells of signals, of a call of `os._exit`, and of its end."""

    def __init__(self, saying: int, key: str) -> None:
        self._saying, self._key, self._own = saying, key, os.getpid()

    def do(self, work: Callable[[], int], parent: int) -> int:
        _end_with(parent)
        # The byte of each signal says that it has come: it is not sent a second time.
        os.set_blocking(self._saying, False)
        signal.set_wakeup_fd(self._saying, warn_on_full_buffer=False)
        faulthandler.enable(self._saying, all_threads=False)
        leave = os._exit
        os._exit = partial(self._leave, leave)  # type: ignore[assignment]
        code = work()
        self._say({"code": code})
        return code

    def _say(self, message: dict[str, Any]) -> None:
        # Copies of this copy, which a plugin has made, are not asked.
        if os.getpid() == self._own:
            with contextlib.suppress(OSError):  # a plugin has closed it: then the end is not believed
                os.write(self._saying, f"\n{self._key} {json.dumps(message)}\n".encode())

    def _leave(self, leave: Callable[[int], Any], status: int) -> None:
        own = [line_of(frame, frame.f_lineno) for frame in _callers() if is_plugins(frame)]
        self._say({"leaves": own[0] if own else ""})
        leave(status)


class _Watch:
    """The first process, which waits for the copy."""

    def __init__(self, worker: int, listening: int, key: str) -> None:
        self._worker, self._listening, self._key = worker, listening, f"{key} "
        self._said = bytearray()
        self._come = dict.fromkeys(map(int, PASSED_ON), 0)

    def code(self) -> int:
        os.set_blocking(self._listening, False)
        for number in PASSED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as of a command in the background of a script
                signal.signal(number, self._pass_on)
        ending = os.pidfd_open(self._worker)
        while ending not in select.select([ending, self._listening], [], [])[0]:
            self._listen()
        status = os.waitstatus_to_exitcode(os.waitpid(self._worker, 0)[1])
        self._listen()
        words = self._said.decode(errors="replace")
        messages = [json.loads(line[len(self._key) :]) for line in words.splitlines() if line.startswith(self._key)]
        for message in messages:
            if "code" in message:
                return int(message["code"])
        raise _lost(status, [message["leaves"] for message in messages], report=words)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Send it to the copy, unless it has come there too: Ctrl-C on a terminal is for both."""
        self._come[number] += 1
        until = time.monotonic() + _HEARD_SECONDS
        while self._said.count(number) < self._come[number]:
            if (left := until - time.monotonic()) <= 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._worker, number)
                return
            select.select([self._listening], [], [], left)
            self._listen()

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._listening, 1 << 16):
                self._said += more


def _end_with(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before it was heard of
        os.kill(os.getpid(), signal.SIGKILL)


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") != "__main__":
        yield frame
        frame = frame.f_back


def _lost(status: int, places: list[str], *, report: str) -> LostWorkerError:
    ended = f"its process {ending_of(status)} before it was done"
    if status < 0:
        line = crash_line(report)
        error = LostWorkerError(f"{ended}, at {line}" if line else ended)
        error.add_note(report)
        return error
    place = next(filter(None, places), "")
    who = f"{place} calls os._exit" if place else "code of a plugin, or of a library that it uses, has ended it"
    return LostWorkerError(f"{ended}: {who}")
