"""How `zoo predict` is told what is wanted: where answers go, how many, how sure, of which gallery, in which tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zoo_core.commands.common import FilePath

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--out",
        metavar="PATH",
        type=FilePath(),
        help="Where masks, pictures and arrays are written: a folder, or one file. Default: the current folder. "
        "Or RESULTS.csv, RESULTS.jsonl or RESULTS.parquet: a row for each input, written as they come.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with a file of results that was stopped, which then is that of a call that was not. Inputs with an "
        "error in it are tried again, new ones come last. Only for the export and the options that "
        ".RESULTS.made-by.json beside it says; rows of Parquet wait in .RESULTS.rows until the last is there.",
    ),
    click.option("--text", "texts", metavar="TEXT", multiple=True, help="A text itself, for a model that reads texts."),
    click.option(
        "--top",
        metavar="K",
        type=click.IntRange(min=1),
        help="The K most probable classes, or the K nearest of a gallery.",
    ),
    click.option(
        "--threshold", metavar="T", type=click.FloatRange(0, 1), help="From which probability things are found."
    ),
    click.option(
        "--gallery",
        metavar="FILE",
        type=FilePath(),
        help="Of a model that gives vectors: tell the nearest of this file, which --out FILE.npz makes.",
    ),
    click.option("--tile", metavar="SIZE", type=click.IntRange(min=1), help="Large pictures in tiles of such a side."),
    click.option(
        "--overlap", metavar="N", type=click.IntRange(min=0), help="Pixels that tiles share. Default: a quarter."
    ),
)


def answer_options(function: F) -> F:
    """`out`, `top`, `threshold`, `gallery`, `tile` and `overlap`: None where nothing was said; `texts`, a tuple; and
    `resume`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
