"""How many parameters the models of a listing have: built without memory in a child process, kept on the disk.

A builder may take long, crash or hang, and many models take minutes; what was counted once holds until the plugin,
the family's library or, for models that are no member of a family, anything installed changes.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo_core.children.parent import GRACE_SECONDS, Child
from zoo_core.discovery import Plugin
from zoo_core.discovery.cache import (
    RETRY_SECONDS,
    cache_path,
    installed_fingerprint,
    read_cache,
    stat_all,
    write_cache,
)
from zoo_core.discovery.cold import source_files
from zoo_core.errors import MissingExtraError, UsageError, ZooError
from zoo_core.registry import Entry, Zoo

LONGEST_SECONDS = 120.0
"""A model that is not built after that is left out."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
_NUMBER = re.compile(r"^(\d[\d_,]*(?:\.\d+)?(?:e\d+)?)\s*([kmgb]?)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Parameters by qualified name, and of those that could not be counted why."""

    known: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def parse_count(text: str) -> int:
    """A whole number above 0: 300k, 5M, 1.5e6, 7B, 11_700_000. Raises UsageError for any other text."""
    match = _NUMBER.match(text.strip())
    number = float(re.sub("[_,]", "", match[1])) * _UNITS[match[2].lower()] if match else 0.0
    if not 1 <= number < 1e18:
        raise UsageError(f"{text!r} is not a number of parameters", hint="for example 300k, 5M, 1.5e6 or 7B")
    return int(number)


def rows_within(
    zoo: Zoo,
    rows: Sequence[Mapping[str, Any]],
    *,
    most: int,
    on_count: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of models with at most so many parameters, each with `parameters`; and `{name: why}` of those unknown.

    `on_count(done, total)` is called as models are built. Raises MissingExtraError when that takes torch, and torch is
    absent.
    """
    entries = {entry.shown: entry for entry in zoo.entries("model")}
    rows = [row for row in rows if row["kind"] == "model"]
    counts = count_all(zoo, [entries[row["name"]] for row in rows], on_count=on_count)
    found, unknown = [], {}
    for row in rows:
        qualified = entries[row["name"]].qualified
        if qualified in counts.failed:
            unknown[row["name"]] = counts.failed[qualified]
        elif counts.known[qualified] <= most:
            found.append({**row, "parameters": counts.known[qualified]})
    return found, unknown


def count_all(zoo: Zoo, entries: Sequence[Entry], *, on_count: Callable[[int, int], None]) -> Counts:
    """The parameters of each model with its options at their defaults, from the disk where they are known."""
    path = cache_path("parameters")
    kept = read_cache(path).get("counts", {})
    stamps = _stamps(zoo, entries)
    now = time.time()
    found = {name: kept[name] for name in stamps if _holds(kept.get(name), stamps[name], now=now)}
    waiting = [name for name in stamps if name not in found]
    try:
        for name, answer in _built(waiting):
            found[name] = {**answer, "stamp": stamps[name], "time": now}
            on_count(len(found) + len(waiting) - len(stamps), len(waiting))
    finally:
        # Also when somebody stops it: what is known need not be found out again.
        if waiting:
            write_cache(path, {"counts": {**kept, **found}})
    return Counts(
        known={name: answer["parameters"] for name, answer in found.items() if answer["problem"] is None},
        failed={name: answer["problem"] for name, answer in found.items() if answer["problem"] is not None},
    )


def _stamps(zoo: Zoo, entries: Sequence[Entry]) -> dict[str, int]:
    """By qualified name, a number that changes with everything that a count depends on."""
    plugins = {plugin.id: plugin for plugin in zoo.plugins}
    environment = zlib.crc32(json.dumps(installed_fingerprint()).encode())
    by_plugin: dict[str, int] = {}
    stamps = {}
    for entry in entries:
        if entry.plugin not in by_plugin:
            by_plugin[entry.plugin] = _stamp_of_plugin(plugins[entry.plugin])
        # The answers of a family depend on its library, whose files are among the plugin's.
        more = 0 if "family" in entry.data else environment
        stamps[entry.qualified] = zlib.crc32(str(more).encode(), by_plugin[entry.plugin])
    return stamps


def _stamp_of_plugin(plugin: Plugin) -> int:
    # Discovery did not see the modules that are imported only when a model is built.
    sources = stat_all(source_files(plugin.module))
    return zlib.crc32(json.dumps([plugin.version, plugin.value, dict(plugin.files), sources], sort_keys=True).encode())


def _holds(answer: Any, stamp: int, *, now: float) -> bool:
    if not isinstance(answer, dict) or answer.get("stamp") != stamp:
        return False
    return answer["problem"] is None or 0 <= now - answer["time"] < RETRY_SECONDS


def _built(names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`{parameters, problem}` of each; another child goes on after a model that ended the one before."""
    waiting = list(names)
    while waiting:
        started = False
        for message in _ask_child(waiting):
            if "missing" in message:
                raise MissingExtraError(needed_for="counting parameters", extra="train", missing=message["missing"])
            if started and not (waiting and _is_answer(message)):
                break  # a builder speaks there: another process goes on after it
            if started:
                yield waiting.pop(0), message
            started = True
        if waiting and not started:
            raise ZooError("the process that counts parameters cannot start", hint="see zoo plugins")
        if waiting:
            problem = f"building it ends the process, disturbs it, or takes more than {LONGEST_SECONDS:g} s"
            yield waiting.pop(0), {"parameters": None, "problem": problem}


def _is_answer(message: Mapping[str, Any]) -> bool:
    number, problem = message.get("parameters"), message.get("problem")
    one = (type(number) is int and problem is None) or (number is None and isinstance(problem, str))
    return message.keys() == {"parameters", "problem"} and one


def _ask_child(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the child says: that it is ready or what is missing, then one message a model, in order."""
    task = {"names": list(names), "timeout": LONGEST_SECONDS}
    with Child("zoo_core.workflows.catalogue.counting_child:main", task) as child, contextlib.suppress(TimeoutError):
        while (message := child.message(LONGEST_SECONDS + GRACE_SECONDS)) is not None:
            yield message
