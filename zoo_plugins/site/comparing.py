"""What `zoo diff` finds between two exports, as a page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted, find_export
from zoo_core.data import load_json

from .diff_tables import tables_of
from .facts import mapping_in, number, rows_in, text
from .numbers import tiny
from .pages import Pages

FOLDER = "compare"
_VERDICTS = {
    "identical": "Equal, byte for byte",
    "words": "Equal but for words",
    "meaning": "Same graph and weights, another meaning",
    "weights": "Same graph, other weights",
    "graph": "Different graph",
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two exports that both have a page, by their names; `place` is where their own page lies, below the site."""

    a: str
    b: str
    paths: tuple[Path, Path]
    place: str


def pairs_of(typed: tuple[tuple[str, str], ...], exports: Mapping[str, Path]) -> list[Pair]:
    """The pairs, by the names of pages. Raises UsageError for an export that has none."""
    names = {path.resolve(): name for name, path in exports.items()}
    found: list[Pair] = []
    for both in typed:
        paths = tuple(find_export(each) for each in both)
        absent = [each for each, path in zip(both, paths, strict=True) if path.resolve() not in names]
        if absent:
            raise UsageError(f"{absent[0]} is compared, but has no page", hint="name it among the exports, too")
        a, b = (names[path.resolve()] for path in paths)
        found.append(Pair(a=a, b=b, paths=(paths[0], paths[1]), place=f"{FOLDER}/{len(found) + 1}"))
    return found


def compared(pair: Pair) -> dict[str, Any]:
    """What `zoo diff --json` says, with names in place of paths. Raises ZooError where it cannot compare them."""
    command = [sys.executable, "-P", "-m", "zoo_core", "diff", *map(str, map(Path.resolve, pair.paths)), "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")
    try:
        found: Any = load_json(done.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict) or text(found, "verdict") not in _VERDICTS:
        why = done.stderr.strip().splitlines() or [f"zoo diff ended with exit code {done.returncode}"]
        raise ZooError(f"{pair.a} and {pair.b} cannot be compared: {why[0].removeprefix('Error: ')}")
    sides = {side: {"name": name, "sha256": text(mapping_in(found, side), "sha256")} for side, name in _sides(pair)}
    return {**found, **sides}


def compare_page(pages: Pages, pair: Pair, found: Mapping[str, Any], addresses: Mapping[str, str]) -> str:
    """The page; `addresses` are those of the exports' own pages, below the site."""
    return pages.page(
        "compare.html",
        root="../../",
        pair=pair,
        verdict=_VERDICTS[text(found, "verdict")],
        behaviour=_behaviour(mapping_in(found, "behaviour")),
        sides=[(side.upper(), name, f"../../{addresses[name]}index.html") for side, name in _sides(pair)],
        sums=[text(mapping_in(found, side), "sha256") for side, _ in _sides(pair)],
        tables=tables_of(found),
    )


def _sides(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("a", pair.a), ("b", pair.b)


def _behaviour(found: Mapping[str, Any]) -> list[str]:
    """Sentences on the answers of both to the same inputs."""
    if not found:
        return ["Nothing was run: the files are equal."]
    if not found.get("compared"):
        return [f"Their answers were not compared: {text(found, 'why_not')}."]
    told = []
    for each in rows_in(found, "outputs"):
        largest, bound = number(each.get("largest")), number(each.get("bound"))
        apart = f"has other shapes, {text(each, 'shapes')}" if text(each, "shapes") else "differs without limit"
        if largest is not None and not text(each, "shapes"):
            apart = f"differs by up to {tiny(largest)}" if largest else "is equal to the bit"
        allowed = f"; A's own check allows A {tiny(bound)}" if bound is not None else ""
        told.append(f"{text(each, 'name')} {apart}{allowed}.")
    rows = int(number(found.get("rows")) or 0)
    decisions = mapping_in(found, "decisions")
    if decisions:
        of = counted(int(number(decisions.get("of")) or 0), "decision")
        told.append(f"{decisions.get('flipped')} of {of} flip.")
    return [*told, f"Both were run on {counted(rows, 'row')} of the self-test of {text(found, 'self_tests')}."]
