"""Entry points to plugins: each alone, in a child process, kept on the disk; no plugin's fault is raised."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from zoo_core.environment import seconds_from
from zoo_core.errors import UsageError, ZooError, did_you_mean

from .cache import cache_path, holds, installed_fingerprint, read_cache, write_cache
from .entry_points import installed_points, is_bundled, module_of

_ALL_PLUGINS = "without ZOO_PLUGINS, zoo plugins shows all of them"
_USUAL_HINT = "pip install -U {}, or tell its authors; ZOO_PLUGINS can leave it out"

Status = Literal["ok", "broken", "unavailable", "disabled", "slow"]


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One entry point and what came of it.

    `id` is `distribution:entry`. `offers` are `kind:name`. `problem` is None only for `ok` and `disabled`, and `hint`
    says what to do about it.
    `extra` is the one of its distribution that would bring the package it is `lacking`: `unavailable`, and nobody's
    fault. `offered` are names that one which cannot be used had offered before.
    `seconds` is how long loading took. `hooks` are the events that it wants to be told. `value` is what the entry
    point names; `files` are those that its answer depends on, each with its mtime (ns) and size.
    """

    id: str
    entry: str
    distribution: str
    version: str
    value: str
    status: Status
    problem: str | None = None
    hint: str | None = None
    extra: str | None = None
    lacking: str = ""
    offered: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    seconds: float | None = None
    hooks: tuple[str, ...] = ()
    entries: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    commands: tuple[Mapping[str, str], ...] = field(default=(), repr=False)
    files: Mapping[str, Sequence[int]] = field(default_factory=dict, repr=False)

    @property
    def module(self) -> str:
        """The module that its entry point names."""
        return module_of(self.value)

    @property
    def bundled(self) -> bool:
        """Whether it belongs to this distribution: its names cannot be shadowed."""
        return is_bundled(self.distribution)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{id, distribution, version, status, offers, problem}`; `hint` and `extra` where there is one."""
        data = {
            "id": self.id,
            "distribution": self.distribution,
            "version": self.version,
            "status": self.status,
            "offers": list(self.offers),
            "problem": self.problem,
        }
        more = {"hint": self.hint, "extra": self.extra}
        return {**data, **{key: value for key, value in more.items() if value is not None}}


def discover() -> tuple[Plugin, ...]:
    """Every plugin that is installed, sorted by (distribution, entry point).

    Plugins whose files are unchanged are answered from the cache. `ZOO_PLUGINS=a,b|none` limits which are loaded, but
    for the zoo's own commands, which are always there; `ZOO_STRICT=1` raises the first plugin's problem as a ZooError.
    """
    if os.environ.get("ZOO_DISCOVERING") == "1":
        raise ZooError("a plugin cannot open the zoo while it is being loaded", hint="open it where it is needed")
    points, enabled, records = _points_and_records(seconds_from("ZOO_PLUGIN_TIMEOUT", default=20))
    plugins = tuple(_plugin(point, records.get(point["id"]), enabled=point["id"] in enabled) for point in points)
    if os.environ.get("ZOO_STRICT") == "1":
        for plugin in plugins:
            if plugin.problem is not None and plugin.extra is None:
                raise ZooError(
                    f"plugin {plugin.id}: {plugin.problem}", hint=f"{plugin.hint} (ZOO_STRICT=1 makes this an error)"
                )
    return plugins


def _points_and_records(timeout: float) -> tuple[list[dict[str, Any]], set[str], dict[str, dict[str, Any]]]:
    """The entry points, the ids of those to be loaded, and what is known of each; the cache is brought up to date."""
    path = cache_path()
    cached = read_cache(path)
    environment = zlib.crc32(json.dumps([installed_fingerprint(), timeout]).encode())
    same = cached.get("environment") == environment
    points: list[dict[str, Any]] = cached["points"] if same else installed_points()
    enabled = _enabled([point["id"] for point in points]) | {point["id"] for point in points if point["always"]}
    records: dict[str, dict[str, Any]] = {}
    stale = []
    for point in points:
        record = cached.get("records", {}).get(point["id"])
        if record is not None and record["point"] == point:
            records[point["id"]] = record
        if point["id"] not in enabled:
            continue
        if point["problem"] is not None:
            records[point["id"]] = _of_damaged(point, environment=environment)
            continue
        if point["id"] in records and holds(records[point["id"]], environment=environment):
            records[point["id"]]["environment"] = environment  # seen to hold in this one too
        else:
            stale.append(point)
    if stale:
        from .cold import read_plugins

        modules = [point["value"] for point in points if point["problem"] is None]
        read = read_plugins(stale, modules=modules, timeout=timeout, environment=environment)
        for name, record in read.items():
            record["offered"] = _offered_before(cached.get("records", {}).get(name), record)
        records.update(read)
    if stale or not same:
        write_cache(path, {"environment": environment, "points": points, "records": records})
    return points, enabled, records


def _offered_before(before: Mapping[str, Any] | None, record: Mapping[str, Any]) -> list[str]:
    """The names that a plugin had offered when it could be used last; none of one that can be used."""
    if before is None or record["status"] == "ok":
        return []
    return [entry["name"] for entry in before["entries"]] or list(before.get("offered", []))


def _of_damaged(point: Mapping[str, Any], *, environment: int) -> dict[str, Any]:
    """What is known of a distribution whose entry points cannot be read: it is told like a plugin that is broken."""
    hint = f"pip install --force-reinstall {point['distribution']}"
    facts = {"point": point, "environment": environment, "time": 0, "status": "broken", "problem": point["problem"]}
    nothing: dict[str, Any] = {"entries": [], "commands": [], "events": [], "seconds": None, "files": {}, "absent": []}
    return {**facts, **nothing, "hint": hint}


def _plugin(point: Mapping[str, str], record: Mapping[str, Any] | None, *, enabled: bool) -> Plugin:
    plugin = Plugin(
        id=point["id"],
        entry=point["entry"],
        distribution=point["distribution"],
        version=point["version"],
        value=point["value"],
        status="disabled",
    )
    if not enabled or record is None:
        return plugin
    families = dict.fromkeys(entry["family"] for entry in record["entries"] if "family" in entry)
    offers = (
        *(f"{entry['kind']}:{entry['name']}" for entry in record["entries"] if "family" not in entry),
        *(f"family:{family}" for family in families),
        *(f"command:{command['name']}" for command in record["commands"]),
    )
    return replace(
        plugin,
        status=record["status"],
        problem=record["problem"],
        extra=record.get("extra"),
        lacking=record.get("missing") or "",
        offered=tuple(record.get("offered", ())),
        hint=record["hint"] or (record["problem"] and _USUAL_HINT.format(plugin.distribution)),
        offers=offers,
        seconds=record["seconds"],
        hooks=tuple(record["events"]),
        entries=tuple(record["entries"]),
        commands=tuple(record["commands"]),
        files=record["files"],
    )


def _enabled(ids: Sequence[str]) -> set[str]:
    """The ids that `ZOO_PLUGINS` leaves (entry points or ids, or `none`); all of them when it is not set."""
    text = os.environ.get("ZOO_PLUGINS", "").strip()
    if not text:
        return set(ids)
    if text == "none":
        return set()
    found = set()
    for wanted in filter(None, (part.strip() for part in text.split(","))):
        matching = {known for known in ids if wanted in {known, known.partition(":")[2]}}
        if not matching:
            names = [known.partition(":")[2] for known in ids]
            raise UsageError(
                f"ZOO_PLUGINS: there is no plugin {wanted!r}", hint=did_you_mean(wanted, names) or _ALL_PLUGINS
            )
        found |= matching
    return found
