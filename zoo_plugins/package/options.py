"""The options of `zoo package`, which become one argument: `asked`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from zoo_core import UsageError
from zoo_core.commands import FilePath

TARGETS = ("triton", "kserve", "mlserver", "docker", "modelcar")
_ONLY = {"storage": ("kserve",), "port": ("docker",), "wheel": ("docker",)}
"""Options without a default, and who takes them."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says of the package: `target` one of TARGETS, `delay` in milliseconds."""

    target: str
    to: Path
    name: str | None
    version: int
    batch: int
    delay: float
    architecture: str
    storage: str | None
    port: int | None
    wheel: Path | None


_OPTIONS = (
    click.option("--for", "target", type=click.Choice(TARGETS), required=True, help="Who is to serve it."),
    click.option(
        "--to", type=FilePath(), required=True, metavar="DIR", help="A repository of models, or a new folder."
    ),
    click.option("--name", metavar="NAME", help="Of the model. Default: the export's own."),
    click.option(
        "--version", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Of the model there."
    ),
    click.option(
        "--batch",
        type=click.IntRange(1),
        default=32,
        show_default=True,
        metavar="N",
        help="For triton, kserve, mlserver: rows of several requests that run together at most, where the check proved "
        "that they may.",
    ),
    click.option(
        "--delay",
        type=click.FloatRange(0, 60_000),
        default=1.0,
        show_default=True,
        metavar="MS",
        help="For the same: how long a request waits for others.",
    ),
    click.option(
        "--architecture",
        type=click.Choice(["amd64", "arm64"]),
        default="amd64",
        show_default=True,
        help="For modelcar, kserve: of the machines that are to pull the image; the files are the same.",
    ),
    click.option("--storage", metavar="URI", help="For kserve: where the models will lie, oci://, s3://, pvc:// ..."),
    click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="For docker: answer HTTP there."),
    click.option("--wheel", type=FilePath(), metavar="FILE", help="For docker: the zoo itself, from a wheel of it."),
)


def package_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """All options but those of every command, given as one argument `asked`."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **more: Any) -> Any:
        asked = Asked(**{each.name: more.pop(each.name) for each in fields(Asked)})
        for option, targets in _ONLY.items():
            if getattr(asked, option) is not None and asked.target not in targets:
                raise UsageError(f"--{option} is of no use with --for {asked.target}, but with --for {targets[0]}")
        return function(*arguments, asked=asked, **more)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
