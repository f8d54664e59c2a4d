"""The entry points of every installed distribution, one by one: a damaged distribution hides no other."""

from __future__ import annotations

from typing import Any

ENTRY_POINT_GROUP = "zoo.plugins"


def module_of(value: str) -> str:
    """The module that an entry point's value names."""
    return value.partition(":")[0].strip()


def installed_points() -> list[dict[str, str]]:
    """Every entry point of the group, from every distribution on the search path; the first of a name counts."""
    from importlib import metadata

    found: dict[str, dict[str, str]] = {}
    seen = set()
    for distribution in metadata.distributions():
        text = distribution.read_text("entry_points.txt") or ""
        if ENTRY_POINT_GROUP not in text:
            continue
        name, version = _name_and_version(distribution)
        if name in seen:
            continue
        seen.add(name)
        for entry, value in _lines_of_group(text):
            point = {
                "id": f"{name}:{entry}",
                "entry": entry,
                "distribution": name,
                "version": version,
                "value": value,
            }
            found.setdefault(point["id"], point)
    return sorted(found.values(), key=lambda point: (point["distribution"], point["entry"]))


def _name_and_version(distribution: Any) -> tuple[str, str]:
    try:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    except Exception:  # noqa: BLE001 a damaged METADATA file is that distribution's fault, and hides no other
        name = version = None
    # Its folder is `name_with_underscores-version.dist-info`. importlib.metadata has no public word for it.
    told, _, rest = str(getattr(getattr(distribution, "_path", None), "name", "")).partition("-")
    folder_version = rest.removesuffix(".dist-info") if rest.endswith(".dist-info") else ""
    return str(name or told.replace("_", "-") or "unknown"), str(version or folder_version)


def _lines_of_group(text: str) -> list[tuple[str, str]]:
    """Our group's lines of an `entry_points.txt`. A line without `=` gives an entry point that names nothing."""
    group, found = "", []
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif line and not line.startswith(("#", ";")) and group == ENTRY_POINT_GROUP:
            name, _, value = line.partition("=")
            found.append((name.strip(), value.strip()))
    return found
