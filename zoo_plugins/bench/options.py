"""What can be asked of `zoo bench`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zoo_core.commands import FilePath, model_options
from zoo_core.runtime import PROVIDERS

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--batch",
        "batches",
        type=click.IntRange(1),
        multiple=True,
        metavar="N",
        help="Samples at a time; repeatable. Default: 1, 8 and 32.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        multiple=True,
        metavar="N",
        help="Threads of the engine; repeatable. Default: a processor each.",
    ),
    click.option(
        "--engine",
        "engines",
        multiple=True,
        metavar="E",
        help="onnxruntime, onnxruntime:extended, :basic, :none, torch, torch:compiled or openvino; repeatable. "
        "Default: all that can be had.",
    ),
    click.option(
        "--provider",
        "providers",
        type=click.Choice(list(PROVIDERS)),
        multiple=True,
        metavar="P",
        help=f"Also onnxruntime on this: {', '.join(PROVIDERS)}; repeatable.",
    ),
    click.option(
        "--size",
        "sizes",
        multiple=True,
        metavar="AXIS=N",
        help="Size of a free axis; repeatable. Default: that of the self-test, or some 64.",
    ),
    click.option(
        "--seconds",
        type=click.FloatRange(min=0, min_open=True),
        default=1.0,
        show_default=True,
        metavar="S",
        help="How long each engine answers at each batch size.",
    ),
    click.option("--weights", metavar="NAME|FILE", help="Weights for a MODEL. Default: fresh random ones."),
    click.option(
        "--tune",
        "tuning",
        is_flag=True,
        help="Find the session settings that answer --batch (default: 1) quickest, for one export.",
    ),
    click.option("--save", is_flag=True, help="Keep what was measured as EXPORT.bench.json, which zoo site shows."),
    click.option("--picture", metavar="FILE.png", type=FilePath(), help="Draw rows a second, and seconds for a batch."),
)


def bench_options(function: F) -> F:
    """All of them, in this order, and `-o K=V` of a MODEL."""
    for option in (model_options, *reversed(_OPTIONS)):
        function = option(function)
    return function
