"""The entry points of every installed distribution, one by one: a damaged distribution hides no other."""

from __future__ import annotations

from typing import Any

from zoo_core.installation import CORE, is_own, own_distribution

ENTRY_POINT_GROUP = "zoo.plugins"
BUNDLED_COMMANDS = "zoo.commands"
"""The group in which the zoo names those of its own plugins whose commands are always there."""


def module_of(value: str) -> str:
    """The module that an entry point's value names."""
    return value.partition(":")[0].strip()


def bundled_commands() -> dict[str, str]:
    """`{command: value}` of the zoo's own entry points of commands, found without a look at any other distribution."""
    own = own_distribution()  # of the source without an installation, nothing is installed as a plugin either
    text = (own and own.read_text("entry_points.txt")) or ""
    return dict(_lines_of_group(text, BUNDLED_COMMANDS))


def has_verb(name: str) -> bool:
    """Whether `zoo NAME` is one of the bundled verbs that are installed: a next step names no other."""
    return name in bundled_commands()


def installed_points() -> list[dict[str, Any]]:
    """Every entry point of the group, from every distribution on the search path; the first of a name counts.

    `always`: it is one of the zoo's own that no `ZOO_PLUGINS` leaves out.
    """
    from importlib import metadata

    found: dict[str, dict[str, Any]] = {}
    seen = set()
    for distribution in metadata.distributions():
        text = distribution.read_text("entry_points.txt") or ""
        if ENTRY_POINT_GROUP not in text:
            continue
        name, version = _name_and_version(distribution)
        if name in seen or (is_bundled(name) and not is_own(distribution)):
            continue
        seen.add(name)
        always = dict(_lines_of_group(text, BUNDLED_COMMANDS)) if is_bundled(name) else {}
        for entry, value in _lines_of_group(text, ENTRY_POINT_GROUP):
            point: dict[str, Any] = {
                "id": f"{name}:{entry}",
                "entry": entry,
                "distribution": name,
                "version": version,
                "value": value,
                "always": entry in always,
            }
            found.setdefault(point["id"], point)
    return sorted(found.values(), key=lambda point: (point["distribution"], point["entry"]))


def is_bundled(distribution: str) -> bool:
    """Whether it is the zoo's own distribution; `Zoo.Core` and others that pip takes for the same are not."""
    return distribution == CORE


def _name_and_version(distribution: Any) -> tuple[str, str]:
    try:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    except Exception:  # noqa: BLE001 a damaged METADATA file is that distribution's fault, and hides no other
        name = version = None
    # Its folder is `name_with_underscores-version.dist-info`. importlib.metadata has no public word for it.
    told, _, rest = str(getattr(getattr(distribution, "_path", None), "name", "")).partition("-")
    folder_version = rest.removesuffix(".dist-info") if rest.endswith(".dist-info") else ""
    return str(name or told.replace("_", "-") or "unknown"), str(version or folder_version)


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
