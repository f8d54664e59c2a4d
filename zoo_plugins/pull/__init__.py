"""The verb `zoo pull`: an export from a registry or a hub. Open `fetched.py` first: what may be taken in."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo pull`."""
    yield lazy_command("pull", help="Fetch an export from a registry or a hub.", body=f"{__name__}.command:command")
