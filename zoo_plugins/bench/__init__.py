"""The verb `zoo bench`: how fast a model answers, and how much memory it takes. Open `measuring.py` first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo bench`."""
    yield lazy_command("bench", help="Measure how fast models answer.", body=f"{__name__}.command:command")
