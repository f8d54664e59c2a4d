"""Whether the data of a dataset are on this disk, as far as the catalogue and a look at a folder tell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from zoo_core.data_root import default_root
from zoo_core.registry import Entry, Zoo

AtHand = Literal["bundled", "here", "download", "own"]
"""`bundled`: the plugin brings or makes them. `here`: fetched, or put where they are looked for. `download`: not here,
and `--download` fetches them. `own`: files of the user's, which `-d root=PATH` names."""

_NAMED = {"classes", "masks", "flags", "boxes"}
"""Forms of targets whose classes must have names."""


def data_at_hand(zoo: Zoo) -> dict[str, AtHand]:
    """By the full name of each dataset. No data are read: a folder that is there and not empty is taken for whole."""
    forms = {entry.name: str(entry.data.get("targets")) for entry in zoo.entries("task")}
    entries = zoo.entries("dataset")
    fetched = {(entry.plugin, entry.data["download_bytes"]) for entry in entries if _is_here(entry)}
    return {entry.qualified: _at_hand(entry, forms, fetched) for entry in entries}


def _at_hand(entry: Entry, forms: Mapping[str, str], fetched: set[tuple[str, Any]]) -> AtHand:
    size = entry.data["download_bytes"]
    if size:
        # Two datasets of one plugin that fetch as many bytes are views of the same files.
        return "here" if (entry.plugin, size) in fetched else "download"
    own = entry.data.get("own_files")
    if own is None:
        own = entry.data["classes"] is None and forms.get(entry.task) in _NAMED
    return "own" if own else "bundled"


def _is_here(entry: Entry) -> bool:
    try:
        return any(os.scandir(default_root(entry.name)))
    except OSError:
        return False


def in_words(at_hand: str, download_bytes: int) -> str:
    """For people: what is there, or what brings it."""
    if at_hand == "download":
        size = download_bytes / 1e6
        return f"--download ({size:,.0f} MB)" if size >= 10 else f"--download ({size:.1f} MB)"
    return {"own": "your own"}.get(at_hand, at_hand)
