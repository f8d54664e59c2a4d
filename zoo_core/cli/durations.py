"""An option that is a time."""

from __future__ import annotations

import click

from zoo_core.typed_time import EXAMPLES, seconds_in


def read_seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The callback of an option that is a time above 0: its seconds. Raises BadParameter for a number without a unit,
    and for no time at all."""
    if value is None:
        return None
    seconds = seconds_in(value)
    if seconds is None:
        raise click.BadParameter(f"{value!r} is no time; such are {EXAMPLES}", ctx=ctx, param=param)
    return seconds
