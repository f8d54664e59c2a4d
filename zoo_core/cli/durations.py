"""A time as it is typed: 90s, 10m, 1h30m, 2d."""

from __future__ import annotations

import re

import click

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_FORM = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS))


def read_seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that is a time above 0: its seconds. Raises BadParameter for a number without a unit,
    and for no time at all."""
    if value is None:
        return None
    found = _FORM.fullmatch(value.replace(" ", ""))
    parts = found.groups(default="0") if found else ()
    seconds = sum(float(part) * unit for part, unit in zip(parts, _UNITS.values(), strict=False))
    if not seconds:
        raise click.BadParameter(f"{value!r} is no time; such are 90s, 10m, 1h30m, 2d", ctx=ctx, param=param)
    return seconds
