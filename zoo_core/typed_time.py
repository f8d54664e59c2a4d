"""A time as it is typed: 90s, 10m, 1h30m, 2d."""

from __future__ import annotations

import re

EXAMPLES = "90s, 10m, 1h30m, 2d"
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_FORM = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS))


def seconds_in(text: str) -> float | None:
    """The seconds of a time; None for a number without a unit, no time at all, and any other text."""
    found = _FORM.fullmatch(text.replace(" ", ""))
    parts = found.groups(default="0") if found else ()
    return sum(float(part) * unit for part, unit in zip(parts, _UNITS.values(), strict=False)) or None
