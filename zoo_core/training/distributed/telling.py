"""Who of a training's processes speaks: the first one; of a failure, whichever meets it first. No torch at first."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from zoo_core.errors import ZooError

from .place import Place, place_here

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
"""The variable in which torchrun names a file: what a process that fails writes there, it tells of that process."""


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


def stream_of_failure(message: str, code: int) -> TextIO | None:
    """Where this process tells its failure; None where another one has told its own, which this one follows from."""
    place = _place()
    if place is None or place.size == 1:
        return sys.stderr
    if not _is_first_to_fail(place):
        return None
    if file := os.environ.get(ERROR_FILE):
        Path(file).write_text(json.dumps({"message": message, "timestamp": int(time.time()), "code": code}))
    return sys.__stderr__


def _is_first_to_fail(place: Place) -> bool:
    from .group import store_of

    try:
        return store_of(place).add(f"failed/{place.restarts}", 1) == 1
    except (ZooError, RuntimeError):
        return True  # nobody can be asked: better said twice than never


def _place() -> Place | None:
    try:
        return place_here()
    except ZooError:
        return None  # which the command says
