"""Which session settings were measured to be the quickest for a file on this machine: a note of it, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from zoo_core.environment import usable_processors
from zoo_core.runtime.reading.wire import OnnxFile

from .notes import Notes
from .session import Optimization, SessionSettings

_NOTES = Notes("tuned")


def tuned_settings(file: OnnxFile) -> SessionSettings | None:
    """What was found for a vetted file by this onnxruntime on such a machine; None where nothing was, or is damaged."""
    record = _NOTES.read(file)
    if record is None:
        return None
    optimization: Any = record.get("optimization")
    threads, spinning = record.get("threads"), record.get("spinning")
    if optimization not in get_args(Optimization) or not isinstance(spinning, bool):
        return None
    if type(threads) is not int or not 1 <= threads <= usable_processors():
        return None
    return SessionSettings(optimization=optimization, threads=threads, spinning=spinning)


def keep_tuned(file: OnnxFile, settings: Mapping[str, Any] | None, *, batch: int) -> bool:
    """Note which arguments of `open_model` were the best for a vetted file, in batches of that size; with None that
    the usual ones are. Whether it could be noted.

    `settings`: `{"optimization": ..., "threads": ..., "spinning": ...}`.
    """
    return _NOTES.forget(file) if settings is None else _NOTES.write(file, {"batch": batch, **settings})
