"""What `zoo list` shows: the catalogue, runs and exports, filtered, as plain rows."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from zoo_core.discovery.entry_points import bundled_offers
from zoo_core.errors import UsageError, did_you_mean
from zoo_core.registry import Entry, Zoo

from .data_at_hand import AtHand, data_at_hand
from .run_rows import sort_runs
from .shelf_rows import shelf_rows

CATALOGUE = {"models": "model", "datasets": "dataset", "trainers": "trainer", "tasks": "task", "recipes": "recipe"}
UNLESS_ASKED = ("task", "recipe")
"""The kinds that `zoo list` without one leaves out, but not of one plugin."""
SHELF: tuple[Literal["runs", "exports"], ...] = ("runs", "exports")
KINDS = (*CATALOGUE, *SHELF)
_MOST_NAMED = 3
_DIGITS = re.compile(r"(\d+)")


def list_rows(
    zoo: Zoo,
    *,
    kind: str | None = None,
    pattern: str = "",
    exclude: Sequence[str] = (),
    task: str | None = None,
    plugin: str | None = None,
    license: str | None = None,  # noqa: A002 the option's name
    search: str | None = None,
    sort: str | None = None,
) -> list[dict[str, Any]]:
    """Rows `{name, kind, task, summary, plugin, source}` in natural order, or runs sorted by a field of `SORTED_BY`.
    Where datasets alone are asked for, they also have `data`, an AtHand, and `download_bytes`.

    `kind` is one of KINDS, None for the whole catalogue, of which tasks and recipes are shown with `plugin` alone. A
    pattern with `*`, `?` or `[` is matched against the whole name, any other text is looked for inside it; the model
    and the dataset of a run are names, too. `search`: words that are all in the name, the task or the summary. Raises
    UsageError for an unknown task or plugin, for a license of runs or exports, and for anything but runs to be sorted.
    """
    if sort is not None and kind != "runs":
        raise UsageError("--sort is for runs", hint=f"zoo list runs --sort {sort}")
    if task is not None:
        _check_known("task", task, _tasks(zoo))
    rows = _all_rows(zoo, kind, license, of_plugin=plugin is not None)
    if plugin is not None:
        installed = {name for p in zoo.plugins for name in (p.id, p.entry, p.distribution)}
        recorded = {name for row in rows for name in _names_of_plugin(row["plugin"])}  # it may be gone since
        _check_known("plugin", plugin, installed | recorded - {""})
    rows = [row for row in rows if task in {None, row["task"]}]
    rows = [row for row in rows if plugin is None or plugin in _names_of_plugin(row["plugin"])]
    rows = [row for row in rows if not pattern or _is_meant(row, pattern)]
    rows = [row for row in rows if not any(_is_meant(row, unwanted) for unwanted in exclude)]
    rows = [row for row in rows if search is None or has_words(row, search)]
    order = list(CATALOGUE.values())
    rows.sort(key=lambda row: (order.index(row["kind"]) if row["kind"] in order else 0, natural_key(row["name"])))
    return rows if sort is None else sort_runs(rows, sort)


def _all_rows(zoo: Zoo, kind: str | None, license: str | None, *, of_plugin: bool) -> list[dict[str, Any]]:  # noqa: A002
    whole = kind is None and of_plugin
    for shelf in SHELF:
        if shelf == kind and license is not None:
            # Which one: the model's code, the weights and the data may each have another.
            raise UsageError(f"--license is for the catalogue, not {shelf}", hint="zoo list --license L")
        if shelf == kind:
            return shelf_rows(zoo, shelf)
    entries = [entry for entry in zoo.entries() if _is_of(entry, kind) or whole]
    entries = [entry for entry in entries if license is None or _has_license(entry, license)]
    if kind != "datasets":
        return [entry.to_json() for entry in entries]
    at_hand = data_at_hand(zoo)
    return [_dataset_row(entry, at_hand[entry.qualified]) for entry in entries]


def _dataset_row(entry: Entry, at_hand: AtHand) -> dict[str, Any]:
    return {**entry.to_json(), "data": at_hand, "download_bytes": entry.data["download_bytes"]}


def _is_of(entry: Entry, kind: str | None) -> bool:
    return entry.kind not in UNLESS_ASKED if kind is None else entry.kind == CATALOGUE[kind]


def kind_and_pattern(words: Sequence[str]) -> tuple[str | None, str]:
    """What was typed after `zoo list`: one of KINDS, a pattern, both or nothing; UsageError for anything else."""
    first, *rest = (*words, "")[: max(len(words), 1)]
    if first in KINDS:
        if len(rest) > 1:
            raise UsageError(f"zoo list takes one PATTERN, not {len(rest)}: {' '.join(rest)}", hint="quote it: 'a*'")
        return first, rest[0] if rest else ""
    if rest:
        raise UsageError(f"unknown kind {first!r}", hint=did_you_mean(first, KINDS))
    return None, first


def similar_to(zoo: Zoo, kind: str | None, pattern: str) -> str:
    """A suggestion for a pattern that nothing fits: kinds and names of the catalogue like it; "" where none is."""
    if _is_glob(pattern) or kind in SHELF:
        return ""
    names = [entry.shown for entry in zoo.entries() if _is_of(entry, kind)]
    return did_you_mean(pattern, [*(KINDS if kind is None else ()), *names])


def name_clashes(zoo: Zoo) -> list[tuple[str, str]]:
    """What plugins offer under names that others have too: for each such plugin who else has them, and what to do."""
    owners: dict[tuple[str, str], list[str]] = {}
    clashing: dict[str, list[Entry]] = {}
    for entry in zoo.entries():
        owners.setdefault((entry.kind, entry.name), []).append(entry.plugin)
        if entry.shown != entry.name:
            clashing.setdefault(entry.plugin, []).append(entry)
    found = []
    for plugin, own in clashing.items():
        names = ", ".join(f"{entry.kind} {entry.name}" for entry in own[:_MOST_NAMED])
        more = f" and {len(own) - _MOST_NAMED} more" if len(own) > _MOST_NAMED else ""
        others = sorted({name for entry in own for name in owners[entry.kind, entry.name]} - {plugin})
        said = f"{plugin}: {names}{more}: also offered by {', '.join(others)}"
        found.append((said, f"type {own[0].shown}{', and so on' if len(own) > 1 else ''}"))
    return found


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A sort key under which resnet9 comes before resnet18."""
    parts = _DIGITS.split(text.lower())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _is_meant(row: Mapping[str, Any], pattern: str) -> bool:
    names = [row["name"], row.get("model"), row.get("dataset")]
    return any(name and _matches(name, pattern) for name in names)


def has_words(row: Mapping[str, Any], words: str) -> bool:
    """Whether each of these words is in the name, the task or the summary of a row, whatever their capitals."""
    told = " ".join((row["name"], row["task"], row["summary"])).lower()
    return all(word in told for word in words.lower().split())


def _matches(name: str, pattern: str) -> bool:
    name, pattern = name.lower(), pattern.lower()
    if _is_glob(pattern):
        return fnmatch.fnmatchcase(name, pattern)
    return pattern in name


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _has_license(entry: Entry, license: str) -> bool:  # noqa: A002
    return bool(entry.license) and _matches(entry.license, license)


def _names_of_plugin(identifier: str) -> set[str]:
    distribution, _, entry = identifier.partition(":")
    return {identifier, distribution, entry}


def _tasks(zoo: Zoo) -> set[str]:
    return {*bundled_offers("task"), *(entry.task for entry in zoo.entries())}


def _check_known(what: str, text: str, known: Iterable[str]) -> None:
    names = sorted(set(known))
    if text not in names:
        shown = "list tasks" if what == "task" else "plugins"
        raise UsageError(f"unknown {what} {text!r}", hint=did_you_mean(text, names) or f"see zoo {shown}")
