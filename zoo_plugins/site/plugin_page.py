"""A directory of plugins: what each offers and whether it keeps the rules, from what two commands have printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.data import load_json, read_plain

from .facts import rows_in, text
from .pages import Pages

FILE = "plugins.html"
_MOST = 1 << 26
_PLUGINS = "zoo plugins --json"
_OUTCOMES = ("passed", "failed", "skipped", "remarks")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What `zoo check` found of a plugin: how many rules had which outcome, and the promises that are broken."""

    counts: Mapping[str, int]
    broken: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """`passed` or `failed`."""
        return "failed" if self.counts["failed"] else "passed"

    @property
    def in_words(self) -> str:
        """`31 passed, 3 skipped`."""
        return ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One plugin; `checked` is None where nobody has checked it."""

    id: str
    distribution: str
    version: str
    license: str
    status: str
    problem: str
    offers: tuple[tuple[str, str], ...]
    checked: Checked | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        check = None if self.checked is None else {"outcome": self.checked.outcome, **self.checked.counts}
        offers = [f"{kind}:{name}" for kind, name in self.offers]
        return {
            "id": self.id,
            "distribution": self.distribution,
            "version": self.version,
            "license": self.license,
            "status": self.status,
            "problem": self.problem or None,
            "offers": offers,
            "check": check,
        }


def listed_plugins(plugins: Path, checks: Sequence[Path]) -> list[Listed]:
    """The plugins of the file, with their checks. Raises ZooError for a file of other things."""
    rows = _read(plugins, list, _PLUGINS)
    if not rows:
        raise ZooError(f"{plugins} lists no plugin", hint=f"{_PLUGINS} prints all that are installed")
    for number, each in enumerate(rows, start=1):
        if not isinstance(each, dict) or not all(text(each, key) for key in ("id", "distribution", "status")):
            told = f"{plugins} is not what {_PLUGINS} prints: entry {number} has no id, distribution and status"
            raise ZooError(told, hint=f"{_PLUGINS} > {plugins.name}")
    results = dict(_checked(path) for path in checks)
    return sorted(
        (
            Listed(
                **{key: text(each, key) for key in ("id", "distribution", "version", "license", "status", "problem")},
                offers=tuple(_offer(offer) for offer in each.get("offers", ()) if isinstance(offer, str)),
                checked=results.get(text(each, "id")),
            )
            for each in rows
        ),
        key=lambda each: each.id,
    )


def plugin_page(pages: Pages, plugins: Sequence[Listed]) -> str:
    """The page."""
    distributions = counted(len({each.distribution for each in plugins}), "distribution")
    return pages.page("plugins.html", plugins=plugins, told=f"{counted(len(plugins), 'plugin')} of {distributions}")


def _offer(text_of: str) -> tuple[str, str]:
    kind, _, name = text_of.partition(":")
    return kind, name


def _checked(path: Path) -> tuple[str, Checked]:
    """The plugin that a file of `zoo check PLUGIN --json` is about, and what was found."""
    found = _read(path, dict, "zoo check PLUGIN --json")
    rows = {outcome: rows_in(found, outcome) for outcome in _OUTCOMES}
    subjects = [text(each, "subject") for each in (*rows["passed"], *rows["failed"], *rows["skipped"])]
    about = next((each.removeprefix("plugin ") for each in subjects if each.startswith("plugin ")), "")
    if not about:
        raise ZooError(f"{path} names no plugin", hint="zoo check PLUGIN --json checks a whole plugin")
    broken = tuple(f"{text(each, 'rule')}: {text(each, 'detail')}" for each in rows["failed"])
    return about, Checked(counts={outcome: len(each) for outcome, each in rows.items()}, broken=broken)


def _read(path: Path, kind: type, printed_by: str) -> Any:
    try:
        found = load_json(read_plain(path, most=_MOST))
    except ValueError as error:
        raise ZooError(f"{path} is not what {printed_by} prints: {error}", hint=f"{printed_by} > FILE") from None
    if not isinstance(found, kind):
        raise ZooError(f"{path} is not what {printed_by} prints", hint=f"{printed_by} > FILE")
    return found
