"""The folder of samples that are prepared for trainings: how much lies there, and how it is emptied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .discovery.cache import cache_folder
from .files import clear_io_errors
from .records import Record

_SHARDS = ("*.rows", "*.seen")
_LEFT = (".*.lock", ".*.tmp")
"""What processes leave there that are killed."""


def prepared_folder() -> Path:
    """Where prepared samples lie: shared by all runs and processes of a user."""
    return cache_folder() / "prepared"


@dataclass(frozen=True, kw_only=True)
class PreparedExtent(Record):
    """How much lies in a folder of prepared samples."""

    folder: str
    files: int
    bytes: int


def prepared_extent() -> PreparedExtent:
    """How much lies there now. Raises ZooError where it cannot be read."""
    folder = prepared_folder()
    with clear_io_errors("cannot read", folder):
        sizes = [path.stat().st_size for pattern in _SHARDS for path in folder.glob(pattern)]
    return PreparedExtent(folder=str(folder), files=len(sizes), bytes=sum(sizes))


def remove_prepared() -> PreparedExtent:
    """Remove all of it; a training that uses some goes on with what it has opened. Raises ZooError where it cannot."""
    found, folder = prepared_extent(), prepared_folder()
    with clear_io_errors("cannot remove prepared samples in", folder):
        for pattern in (*_SHARDS, *_LEFT):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
    return found
