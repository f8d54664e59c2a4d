"""Whether this core is one that a plugin was made for."""

from __future__ import annotations

import re

from zoo_core.installation import update_command
from zoo_core.version import __version__

from .fault import PluginError

_PART = re.compile(r"^(>=|<=|==|!=|>|<)?\s*(\d+(?:\.\d+)*)$")


def check_requirement(requires_core: str, *, name: str) -> None:
    """Raise PluginError unless this core fits, for example ">=0.2,<2"; a bare version is the least one."""
    for part in filter(None, (text.strip() for text in requires_core.split(","))):
        match = _PART.fullmatch(part)
        if match is None:
            raise PluginError(f"{name!r}: cannot read requires_core={requires_core!r}, for example '>=0.2'")
        wanted, present = _numbers(match[2]), _numbers(__version__)
        fits = {
            ">=": present >= wanted,
            "<=": present <= wanted,
            "==": present == wanted,
            "!=": present != wanted,
            ">": present > wanted,
            "<": present < wanted,
        }[match[1] or ">="]
        if not fits:
            raise PluginError(
                f"{name!r} needs zoo-core {requires_core}, this is {__version__}",
                status="unavailable",
                hint=update_command(f"{match[1] or '>='}{match[2]}"),
            )


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:4]]
    return tuple(numbers + [0] * (4 - len(numbers)))
