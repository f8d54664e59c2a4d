"""What this machine notes of a file that it ran: small records in the user's state folder, and nowhere else.

A note holds for this very file, this kind of machine and this onnxruntime. Nothing inside a bundle can change how a
file is run; where nothing can be written, nothing is noted, and what is damaged or of another machine is not there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.bounded_json import load_json
from zoo_core.environment import machine_kind, package_versions
from zoo_core.errors import ZooError
from zoo_core.files import json_text, read_plain, write_atomic
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.known import name_of, state_folder

_SCHEMA = 1
_MOST_BYTES = 10_000


@dataclass(frozen=True)
class Notes:
    """Notes of one kind; `about` tells several of one file apart."""

    kind: str
    about: str = ""

    def read(self, file: OnnxFile) -> Mapping[str, Any] | None:
        """What was noted of a vetted file; None where nothing was, or is damaged, or is of another machine."""
        size = f"{file.size}-"
        with contextlib.suppress(OSError, ValueError, ZooError):
            # By size first: of a file of which nothing was noted, nothing is read for this.
            if any(name.startswith(size) for name in os.listdir(self._folder)):
                record = load_json(read_plain(self._place(file), most=_MOST_BYTES))
                if isinstance(record, dict) and all(record.get(name) == value for name, value in _here().items()):
                    return record
        return None

    def write(self, file: OnnxFile, record: Mapping[str, Any]) -> bool:
        """Note it in place of what was noted. Whether it could be."""
        try:
            place = self._place(file)
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(place, json_text({**_here(), **record}))
        except (OSError, ZooError):
            return False
        return True

    def forget(self, file: OnnxFile) -> bool:
        """Note nothing of a file any more. Whether that could be done."""
        try:
            self._place(file).unlink(missing_ok=True)
        except (OSError, ZooError):
            return False
        return True

    @property
    def _folder(self) -> Path:
        return state_folder() / self.kind

    def _place(self, file: OnnxFile) -> Path:
        return self._folder / f"{name_of(file, {})}{self.about and f'-{self.about}'}.json"


def _here() -> dict[str, Any]:
    onnxruntime = package_versions(["onnxruntime"]).get("onnxruntime", "")
    return {"schema": _SCHEMA, "machine": machine_kind(), "onnxruntime": onnxruntime}
