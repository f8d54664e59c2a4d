"""The verb `zoo diff`: what two exported files have in common, and what not. Open `comparison.py` first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo diff`."""
    yield lazy_command("diff", help="Compare two exports.", body=f"{__name__}.command:command")
