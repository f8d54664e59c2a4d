"""Which session settings were measured to be the quickest for a file on this machine: noted here, and nowhere else.

Like what is known of files, this is a folder in the user's state folder: nothing inside a bundle can change how a
file is run, and where nothing can be written, nothing is tuned.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from zoo_core.bounded_json import load_json
from zoo_core.environment import machine_kind, package_versions, usable_processors
from zoo_core.errors import ZooError
from zoo_core.files import json_text, read_plain, write_atomic
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.known import name_of, state_folder

from .session import Optimization, SessionSettings

_SCHEMA = 1
_MOST_BYTES = 10_000


def tuned_settings(file: OnnxFile) -> SessionSettings | None:
    """What was found for a vetted file by this onnxruntime on such a machine; None where nothing was, or is damaged."""
    size = f"{file.size}-"
    with contextlib.suppress(OSError, ValueError, ZooError):
        # By size first: of a file that was never tuned, nothing is read for this.
        if any(name.startswith(size) for name in os.listdir(_folder())):
            return _read(load_json(read_plain(_place(file), most=_MOST_BYTES)))
    return None


def keep_tuned(file: OnnxFile, settings: Mapping[str, Any] | None, *, batch: int) -> bool:
    """Note which arguments of `open_model` were the best for a vetted file, in batches of that size; with None that
    the usual ones are. Whether it could be noted.

    `settings`: `{"optimization": ..., "threads": ..., "spinning": ...}`.
    """
    try:
        place = _place(file)
        if settings is None:
            place.unlink(missing_ok=True)
            return True
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, json_text({"schema": _SCHEMA, **_here(), "batch": batch, **settings}))
    except (OSError, ZooError):
        return False
    return True


def _folder() -> Path:
    return state_folder() / "tuned"


def _place(file: OnnxFile) -> Path:
    return _folder() / f"{name_of(file, {})}.json"


def _here() -> dict[str, str]:
    return {"machine": machine_kind(), "onnxruntime": package_versions(["onnxruntime"]).get("onnxruntime", "")}


def _read(record: Any) -> SessionSettings | None:
    if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
        return None
    if any(record.get(name) != value for name, value in _here().items()):
        return None  # of another machine, or of another onnxruntime
    optimization: Any = record.get("optimization")
    threads, spinning = record.get("threads"), record.get("spinning")
    if optimization not in get_args(Optimization) or not isinstance(spinning, bool):
        return None
    if type(threads) is not int or not 1 <= threads <= usable_processors():
        return None
    return SessionSettings(optimization=optimization, threads=threads, spinning=spinning)
