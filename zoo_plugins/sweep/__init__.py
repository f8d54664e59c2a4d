"""The verb `zoo sweep`: many trainings, of which the best is kept. Open `sweeping.py` first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo sweep`."""
    yield lazy_command("sweep", help="Search for good options.", body=f"{__name__}.command:command")
