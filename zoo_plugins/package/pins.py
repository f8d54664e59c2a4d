"""What the zoo needs, at the versions that are installed here: lines of a requirements.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zoo_core.commands import direct_requirements, package_versions

CORE = "zoo-core"


def pinned(extra: str | None) -> list[str]:
    """`NAME==VERSION` of the zoo without extras or with one, and of all that this brings; the zoo first.

    What is required only elsewhere, such as on Windows, is not installed here, and not among them.
    """
    found: dict[str, str] = {}
    waiting = [CORE, *sorted(direct_requirements(CORE, extra=extra) if extra else ())]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop(0)).lower()
        version = package_versions([name]).get(name)
        if name not in found and version is not None:
            found[name] = f"{name}=={version}"
            waiting += sorted(direct_requirements(name))
    return [found.pop(CORE), *sorted(found.values())] if CORE in found else sorted(found.values())


def without_core(lines: list[str]) -> Iterator[str]:
    """The lines but that of the zoo itself, which comes from a file."""
    return (line for line in lines if not line.startswith(f"{CORE}=="))
