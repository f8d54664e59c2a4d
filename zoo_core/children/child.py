"""The child's side: reads its task, sends messages, and ends when the parent is gone."""

from __future__ import annotations

import _thread
import faulthandler
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Line:
    """The line to the parent. `task` is what it gave.

    stdin is empty from now on, and stdout goes where stderr goes: whatever a plugin prints or asks, it cannot disturb
    the messages.
    """

    def __init__(self, start: dict[str, Any]) -> None:
        self.task: Any = start["task"]
        self._key = start["key"]
        self._own = os.getpid()
        self._parent = os.dup(0)
        self._messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._crashes = os.fdopen(os.dup(2), "w", encoding="utf-8")
        with open(os.devnull, "r+b", buffering=0) as nothing:
            os.dup2(nothing.fileno(), 0)
            if not start["shown"]:
                os.dup2(nothing.fileno(), 2)
        os.dup2(2, 1)
        _thread.start_new_thread(_end_with_parent, (self._parent,))
        faulthandler.enable(file=self._crashes, all_threads=False)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The open files that the line is made of: whoever closes them ends it."""
        return (self._parent, self._messages.fileno(), self._crashes.fileno())

    def send(self, message: dict[str, Any]) -> None:
        """Send plain JSON. Ends the process if it is a copy that a plugin has made: only one of the two answers."""
        if os.getpid() != self._own:
            os._exit(0)
        # The first line end is for what a plugin may have written there.
        self._messages.write(f"\n{self._key} {json.dumps(message)}\n")
        self._messages.flush()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """End the process and tell where it was when this takes longer, also in code that is not Python."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._crashes)
        try:
            yield
        finally:
            if os.getpid() == self._own:
                faulthandler.cancel_dump_traceback_later()


def serve(start: dict[str, Any]) -> None:
    """Call what the parent names with the line to it, and end; threads that a plugin left behind are not waited for."""
    # A parent in the background hands down that SIGINT is ignored; ours asks with it to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module, _, name = start["call"].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        function(Line(start))
    except KeyboardInterrupt:
        os._exit(130)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def _end_with_parent(stdin: int) -> None:
    """Wait until the parent is gone, then end this process and all that it has started."""
    try:
        while os.read(stdin, 1024):
            pass
    except OSError:  # a plugin has closed it
        return
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
