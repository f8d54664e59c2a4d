"""Where the samples of a dataset lie while they are used: in memory, prepared on the disk, or read for each batch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Literal, TypeAlias

from zoo_core.children.memory import default_memory_limit
from zoo_core.environment import usable_processors
from zoo_core.prepared_files import prepared_folder
from zoo_core.records import counted

FeedKind: TypeAlias = Literal["auto", "memory", "stored", "streamed"]

MEMORY_SHARE = 0.5
"""Of the memory that is free, what samples may take; the rest is for what a training makes of them."""
DISK_SHARE = 0.8
_UNKNOWN_MEMORY = 4 << 30
"""Where a system does not say how much is free."""


@dataclass(frozen=True, kw_only=True)
class Feeding:
    """What is asked for. `workers`: processes that read, None for one a processor; `count`: the samples of all parts
    that are loaded together, 0 where it is one part alone."""

    kind: FeedKind = "auto"
    workers: int | None = None
    count: int = 0

    @property
    def size(self) -> int:
        """Processes that read samples; 0: this one."""
        return usable_processors() if self.workers is None else self.workers


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What it comes to, and a line that says so, with the reason where nobody asked for it."""

    kind: Literal["memory", "stored", "streamed"]
    line: str


def choose_feed(asked: Feeding, *, count: int, row_bytes: int) -> Chosen:
    """The feed of `count` samples of so many bytes each: what is asked for, or the quickest for which there is room."""
    needed = max(count, asked.count) * row_bytes
    free = default_memory_limit()
    if asked.kind != "auto":
        return Chosen(kind=asked.kind, line=_line(asked.kind, needed, asked))
    if needed <= (_UNKNOWN_MEMORY if free is None else MEMORY_SHARE * free):
        return Chosen(kind="memory", line=_line("memory", needed, asked))
    why = "" if free is None else f", more than half of the {amount(free)} of memory that are free"
    room = _room_on_disk()
    if needed <= DISK_SHARE * room:
        return Chosen(kind="stored", line=_line("stored", needed, asked, why))
    why += f", and than the {amount(int(room))} that the disk has for them"
    return Chosen(kind="streamed", line=_line("streamed", needed, asked, why))


def _line(kind: str, needed: int, asked: Feeding, why: str = "") -> str:
    line = f"Feed: {kind}, {amount(needed)} of samples{why}"
    if kind == "stored":
        return f"{line}; prepared once, in {prepared_folder()}"
    if kind == "streamed":
        by = counted(asked.size, "process") if asked.size else "this process"
        return f"{line}; read for each batch, by {by}"
    return line


def _room_on_disk() -> float:
    """Free bytes where prepared samples lie, those that they take already among them."""
    folder = prepared_folder()
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    taken = sum(path.stat().st_size for path in folder.glob("*")) if folder.is_dir() else 0
    try:
        return shutil.disk_usage(there).free + taken
    except OSError:
        return 0


def amount(size: int) -> str:
    """Bytes for people: 120 KB, 3.4 MB, 7.7 GB."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{max(1, round(size / 1e3))} KB"
