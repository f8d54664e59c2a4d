"""What can be asked of `zoo quantize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zoo_core.commands import FilePath, complete_datasets, data_options

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--max-drop",
        type=click.FloatRange(min=0),
        default=0.005,
        show_default=True,
        metavar="X",
        help="What may be lost of the task's metric: in its own units up to 1, a part of it above, and a part of it "
        "where less is better.",
    ),
    click.option(
        "--only",
        "kinds",
        type=click.Choice(["fp16", "int8-dynamic", "int8-static"]),
        multiple=True,
        help="This way alone; repeatable. Default: all three.",
    ),
    click.option(
        "--samples",
        type=click.IntRange(1),
        default=512,
        show_default=True,
        metavar="N",
        help="Of the training part, for calibration.",
    ),
    click.option("--to", type=FilePath(), metavar="DIR", help="The folder of the results. Default: exported/."),
    click.option("--picture", type=FilePath(), metavar="FILE.png", help="Draw size and speed beside the metric."),
    click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk."),
    click.option("--accept-changes", is_flag=True, help="Also on data that have changed since training."),
    click.option("--trusted", is_flag=True, help="Also a file that this machine does not know, without limits."),
)


def quantize_options(function: F) -> F:
    """The dataset with its options, and all of these, in this order."""
    for option in reversed(_OPTIONS):
        function = option(function)
    function = data_options(function)
    named = click.option(
        "--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on."
    )
    return named(function)
