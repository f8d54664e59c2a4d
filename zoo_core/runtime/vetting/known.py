"""Which files this machine knows: those that were exported or verified here, by the sha256 of all that they hold.

Nothing inside a bundle can make it known. The record is a folder of empty files in the user's state folder; where it
cannot be written, as in a read-only container, nothing is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.files import sha256_of
from zoo_core.runtime.reading.wire import OnnxFile


def state_folder() -> Path:
    """Where the zoo notes what it did on this machine: `ZOO_STATE`, or the user's state folder."""
    if folder := os.environ.get("ZOO_STATE"):
        return Path(folder)
    import platformdirs  # heavy for a command that needs none of this

    return Path(platformdirs.user_state_dir("zoo"))


def is_known(file: OnnxFile) -> bool:
    """Whether a vetted file is, to the byte and with the weights beside it, one that was exported or verified here."""
    size = f"{file.size}-"
    try:
        # By size first: of a file that was never seen, nothing is read for this.
        if not any(name.startswith(size) for name in os.listdir(_record())):
            return False
        return (_record() / name_of(file, {})).is_file()
    except (OSError, ZooError):
        return False


def known_since(file: OnnxFile) -> str | None:
    """When this machine has last exported or verified a vetted file, as `2030-01-31 12:00` in UTC; None for never."""
    if not is_known(file):
        return None
    try:
        stamp = (_record() / name_of(file, {})).stat().st_mtime
    except OSError:
        return None
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(stamp))


def remember(file: OnnxFile, *, digests: Mapping[str, str] | None = None) -> None:
    """Note that a file was exported or verified here; where that cannot be noted, it stays unknown.

    `digests`: the sha256 of files of its folder, by name, where they are known already.
    """
    with contextlib.suppress(OSError, ZooError):
        folder = _record()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name_of(file, digests or {})).touch()


def _record() -> Path:
    return state_folder() / "known-files"


def name_of(file: OnnxFile, digests: Mapping[str, str]) -> str:
    """What this machine calls a vetted file in its records: its size, and the sha256 of all that it holds."""
    parts = content_digests(file, digests=digests)
    return f"{file.size}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"


def content_digests(file: OnnxFile, *, digests: Mapping[str, str] | None = None) -> list[str]:
    """The sha256 of a vetted file, and of each file of weights beside it. `digests`: as in `remember`."""
    digests = digests or {}
    parts = [digests.get(file.path.name) or hashlib.sha256(file.content).hexdigest()]
    parts += [digests.get(name) or sha256_of(file.path.parent / name) for name in sorted(files_beside(file))]
    return parts


def files_beside(file: OnnxFile) -> frozenset[str]:
    """The names of the files, from the folder of a vetted one on, in which it keeps weights."""
    tensors = (tensor for graph in file.graph.walk() for tensor in graph.all_tensors())
    return frozenset(dict(tensor.external)["location"] for tensor in tensors if tensor.external is not None)
