"""The other side of `crew.py`: reads tasks from stdin until that ends, and answers each."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import sys
import traceback
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.quiet_pillow import pillow_quiet

from .row_work import do_work, error_as_json
from .sample_readers import SampleReader, reader_from


def serve() -> None:
    """Do what the parent asks, one task after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, by whose end this process ends
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plugin prints is no answer
    memory = int(json.loads(sys.stdin.buffer.readline())["memory"])
    desk = _Desk(memory)
    for line in sys.stdin.buffer:
        with contextlib.suppress(BrokenPipeError):
            answers.write(json.dumps(_answer(desk, json.loads(line))).encode() + b"\n")
            answers.flush()


class _Desk:
    """What is kept from one task to the next: readers that are open, and parts of the memory that are mapped."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._described: dict[str, dict[str, Any]] = {}
        self._readers: dict[str, SampleReader] = {}
        self._rooms: dict[tuple[int, int], memoryview] = {}

    def reader(self, task: dict[str, Any]) -> SampleReader:
        key = task["reader"]
        if "described" in task:
            self._described[key] = task["described"]
            sys.path[:] = task["path"]
        if key not in self._readers:  # again where it could not be made before: whoever asks gets to know why
            self._readers[key] = reader_from(self._described[key])
        return self._readers[key]

    def room(self, place: list[int] | None) -> memoryview | None:
        if place is None:
            return None
        start, length = place
        if (start, length) not in self._rooms:
            self._rooms[start, length] = memoryview(mmap.mmap(self._memory, length, offset=start))
        return self._rooms[start, length]


def _answer(desk: _Desk, task: dict[str, Any]) -> dict[str, Any]:
    try:
        with pillow_quiet():
            return do_work(desk.reader(task), task, desk.room(task["room"]))
    except UsageError as error:
        return {"error": ["usage", error.message, error.hint]}
    except ZooError as error:
        return {"error": error_as_json(error)}
    except Exception as error:  # noqa: BLE001 whatever it is, the parent tells it
        return {"error": ["", f"samples could not be read: {traceback.format_exception_only(error)[-1].strip()}", None]}
