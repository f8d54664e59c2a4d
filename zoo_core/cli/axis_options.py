"""Which axes stay free, as `zoo export` is told: `--dynamic AXIS` and `--size AXIS=N`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zoo_core.options import Option, parse_pairs

F = TypeVar("F", bound=Callable[..., Any])


def axis_options(function: F) -> F:
    """`--dynamic AXIS`: a tuple called `dynamic`; `--size AXIS=N`: a dictionary of ints called `sizes`."""
    size = click.option(
        "--size",
        "sizes",
        multiple=True,
        metavar="AXIS=N",
        callback=_read_sizes,
        help="Fix a free axis; repeatable. Of an axis 16*H, N is the value of H.",
    )
    dynamic = click.option(
        "--dynamic", multiple=True, metavar="AXIS", help="Only these axes stay free. Default: all of them."
    )
    return dynamic(size(function))


def _read_sizes(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, int]:
    pairs = parse_pairs(value, flag="--size", example="H=32")
    return {axis: Option(name=axis, type="int").parse(size, where="--size") for axis, size in pairs.items()}
