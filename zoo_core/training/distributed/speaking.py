"""Who of a training's processes speaks: the first one; of a failure, whichever meets it first. No torch at first."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from zoo_core.errors import ZooError

from .process_rank import Place, place_here

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
"""The variable in which torchrun names a file: what a process that fails writes there, it tells of that process."""

_ASKING_SECONDS = 10.0
"""How long one that fails asks who has failed first, or is asked."""


def hush() -> None:
    """Let this process say nothing from now on, unless it is the first; what torch warns its developers of, either."""
    place = _place()
    if place is None or place.size == 1:
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # of DistributedDataParallel, with each option it is given
    if place.rank:
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 until the process ends


def speaks() -> bool:
    """Whether this process is the one that tells people what comes of the training."""
    place = _place()
    return place is None or not place.rank


def follows_a_failure() -> bool:
    """Whether this process ends because another one of its training has failed, and has said so."""
    place = _place()
    if place is None or place.size == 1:
        return False
    from .meeting import store_of

    try:
        return bool(store_of(place, seconds=_ASKING_SECONDS).check([_failed(place)]))
    except (ZooError, RuntimeError):
        return False


def stream_of_failure(message: str, code: int) -> TextIO | None:
    """Where this process tells its failure; None where another one has told its own, which this one follows from."""
    place = _place()
    if place is None or place.size == 1:
        return sys.stderr
    if not is_first_to_fail(place):
        return None
    if file := os.environ.get(ERROR_FILE):
        Path(file).write_text(json.dumps({"message": message, "timestamp": int(time.time()), "code": code}))
    return sys.__stderr__


def ended_together(code: int) -> int:
    """The exit code, with which a process of several that has failed ends right here: what torch keeps of its talks
    with the others may wait for them for ever while Python clears up."""
    place = _place()
    if code and place is not None and place.size > 1:
        for stream in filter(None, (sys.stdout, sys.stderr, sys.__stderr__)):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    return code


@functools.cache
def is_first_to_fail(place: Place) -> bool:
    """Whether no other process of the training has failed before this one: then this one says why."""
    from .meeting import store_of

    try:
        store = store_of(place, seconds=_ASKING_SECONDS)
        first = bool(store.add(_failed(place), 1) == 1)
    except (ZooError, RuntimeError):
        return True  # nobody can be asked: better said twice than never
    if place.first_listens and not place.rank:
        _let_others_ask(lambda: bool(store.add(_failed(place), 0) >= place.size))
    return first


def _let_others_ask(all_have: Callable[[], bool]) -> None:
    """Where this process itself is asked who has failed first, it waits a moment for the others."""
    until = time.monotonic() + _ASKING_SECONDS
    while not all_have() and time.monotonic() < until:
        time.sleep(0.01)


def _failed(place: Place) -> str:
    return f"failed/{place.restarts}"


def _place() -> Place | None:
    try:
        return place_here()
    except ZooError:
        return None  # which the command says
