"""`--memory`, `--timeout` and `--trusted`: how a file runs that this machine does not know; `--provider`: on what."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from zoo_core.errors import UsageError
from zoo_core.runtime.running.providers import PROVIDERS

if TYPE_CHECKING:
    from zoo_core.runtime import Limits


_LARGEST = 1e6
"""A petabyte, and eleven days."""


def isolation_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Three options that become one argument `isolated`, which `open_model` takes."""

    @click.option(
        "--memory",
        metavar="GB",
        type=click.FloatRange(min=0, min_open=True),
        help="The most that the process which runs the file may use. Default for a file that was not exported or "
        "verified on this machine: 4 GB and four times its size.",
    )
    @click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        help="The longest that this process may take over one batch, or over a whole check. Default: 600, or 1800.",
    )
    @click.option("--trusted", is_flag=True, help="Run the file without these limits, whoever made it.")
    @functools.wraps(function)
    def wrapped(*args: Any, memory: float | None, timeout: float | None, trusted: bool, **more: Any) -> Any:
        return function(*args, isolated=_isolated(memory, timeout, trusted), **more)

    return wrapped


def provider_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--provider`, as `open_model` takes it: None where nothing was said."""
    option = click.option(
        "--provider",
        type=click.Choice(list(PROVIDERS)),
        metavar="P",
        help=f"What computes, where this onnxruntime was built for it: {', '.join(PROVIDERS)}. Default: cpu.",
    )
    return option(function)


def _isolated(memory: float | None, timeout: float | None, trusted: bool) -> Limits | bool | None:
    if memory is None and timeout is None:
        return False if trusted else None
    if trusted:
        raise UsageError("--trusted means no limits, and --memory and --timeout set some", hint="leave one of them out")
    from zoo_core.runtime import Limits

    if not all(math.isfinite(limit) and limit < _LARGEST for limit in (memory or 0.0, timeout or 0.0)):
        raise UsageError(f"--memory and --timeout are numbers below {_LARGEST:,.0f}")
    return Limits(memory=None if memory is None else int(memory * 1e9), seconds=timeout)
