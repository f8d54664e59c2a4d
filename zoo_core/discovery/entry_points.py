"""The entry points of every installed distribution, one by one: a damaged distribution hides no other."""

from __future__ import annotations

from typing import Any, Literal

from zoo_core.distributions import DamagedDistributionError, name_and_version, read_part
from zoo_core.installation import CORE, is_own, own_distribution

ENTRY_POINT_GROUP = "zoo.plugins"
BUNDLED_COMMANDS = "zoo.commands"
"""The group in which the zoo names those of its own plugins whose commands are always there."""
BUNDLED_OFFERS = {"task": "zoo.tasks", "recipe": "zoo.recipes"}
"""The same for tasks and recipes: the name of each, and the plugin that offers it."""


_ALWAYS = (BUNDLED_COMMANDS, *BUNDLED_OFFERS.values())
_FILE = "entry_points.txt"
_MOST_POINTS = 1000
_SHOWN = 60


def module_of(value: str) -> str:
    """The module that an entry point's value names."""
    return value.partition(":")[0].strip()


def bundled_commands() -> dict[str, str]:
    """`{command: value}` of the zoo's own entry points of commands, found without a look at any other distribution."""
    return _own_points(BUNDLED_COMMANDS)


def bundled_offers(kind: Literal["task", "recipe"]) -> dict[str, str]:
    """`{name: value}` of the zoo's own tasks or recipes, found in the same way."""
    return _own_points(BUNDLED_OFFERS[kind])


def _own_points(group: str) -> dict[str, str]:
    own = own_distribution()  # of the source without an installation, nothing is installed as a plugin either
    try:
        return dict(_lines_of_group("" if own is None else read_part(own, _FILE), group))
    except DamagedDistributionError:
        return {}


def has_verb(name: str) -> bool:
    """Whether `zoo NAME` is one of the bundled verbs that are installed: a next step names no other."""
    return name in bundled_commands()


def installed_points() -> list[dict[str, Any]]:
    """Every entry point of the group, from every distribution on the search path; the first of a name counts.

    `always`: it is one of the zoo's own that no `ZOO_PLUGINS` leaves out. `problem` is None, but for what stands for a
    distribution whose entry points cannot be read.
    """
    from importlib import metadata

    found: dict[str, dict[str, Any]] = {}
    seen = set()
    for distribution in metadata.distributions():
        lines, always, problem = _points_of(distribution)
        if not lines:
            continue
        name, version = name_and_version(distribution)
        if name in seen or (is_bundled(name) and not is_own(distribution)):
            continue
        if problem is None:  # a damaged copy does not stand for a whole one
            seen.add(name)
        if not is_bundled(name):
            always = set()
        for entry, value in lines:
            point: dict[str, Any] = {
                "id": f"{name}:{entry}",
                "entry": entry,
                "distribution": name,
                "version": version,
                "value": value,
                "always": value in always,
                "problem": problem,
            }
            found.setdefault(point["id"], point)
    return sorted(found.values(), key=lambda point: (point["distribution"], point["entry"]))


def _points_of(distribution: Any) -> tuple[list[tuple[str, str]], set[str], str | None]:
    """`(name, value)` of its plugins, the values of those that are always there, and a problem, for which one name
    stands."""
    try:
        text = read_part(distribution, _FILE).removeprefix("\ufeff")
        plugins = _lines_of_group(text, ENTRY_POINT_GROUP)
        always = {value for group in _ALWAYS for _, value in _lines_of_group(text, group)}
        if not plugins:  # else each of them is told of by itself
            _check_form(text)
        if len(plugins) > _MOST_POINTS:
            raise DamagedDistributionError(f"its {_FILE} names {len(plugins):,} plugins")
    except DamagedDistributionError as error:
        return [(_FILE, "")], set(), f"{error}: whether there are plugins in it is not known"
    return plugins, always, None


def _check_form(text: str) -> None:
    """Raises DamagedDistributionError for a text in which something stands that names no entry point."""
    group = ""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if content.startswith("[") and content.endswith("]"):
            group = content
        elif content and not content.startswith(("#", ";")) and not (group and "=" in content):
            raise DamagedDistributionError(f"its {_FILE} names no entry point in line {number}: {content[:_SHOWN]!r}")


def is_bundled(distribution: str) -> bool:
    """Whether it is the zoo's own distribution; `Zoo.Core` and others that pip takes for the same are not."""
    return distribution == CORE


def _lines_of_group(text: str, wanted: str) -> list[tuple[str, str]]:
    """One group's lines of an `entry_points.txt`. A line without `=` gives an entry point that names nothing."""
    group, found = "", []
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif line and not line.startswith(("#", ";")) and group == wanted:
            name, _, value = line.partition("=")
            found.append((name.strip(), value.strip()))
    return found
