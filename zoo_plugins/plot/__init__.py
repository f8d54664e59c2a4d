"""The verb `zoo plot`: pictures of a run, an export or a dataset; and the curves of each run, when it has ended."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from zoo_core import RunInfo, hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo plot`."""
    help_text = "Draw pictures of a run, an export or a dataset."
    yield lazy_command("plot", help=help_text, body=f"{__name__}.command:command")


@hookimpl
def zoo_trained(run: RunInfo) -> None:
    """Draw the curves of a run that has ended; nothing where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return
    from zoo_core import load_run

    from .drawing import draw_curves

    draw_curves(load_run(run.name))
