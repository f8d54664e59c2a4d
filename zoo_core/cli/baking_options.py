"""Whether the exported file prepares its pictures itself, as `zoo export` is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zoo_core.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def baking_options(function: F) -> F:
    """`--bake-preprocess` and `--with-probabilities`: two flags called `bake` and `probabilities`."""
    bake = click.option(
        "--bake-preprocess",
        "bake",
        is_flag=True,
        help="The file takes pictures as they are, of any size, and prepares them itself. To NAME-baked.",
    )
    probabilities = click.option(
        "--with-probabilities",
        "probabilities",
        is_flag=True,
        help="With --bake-preprocess: a second output, the probability of each class.",
    )
    return bake(probabilities(function))


def check_baking(bake: bool, probabilities: bool) -> None:
    """Raise UsageError for an option that would be without effect."""
    if probabilities and not bake:
        raise UsageError(
            "--with-probabilities is for files that prepare their pictures themselves", hint="add --bake-preprocess"
        )
