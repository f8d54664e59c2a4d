"""The verb `zoo view`: Netron's page for one export, on this machine alone. `server.py` is the whole of it."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo view`."""
    yield lazy_command("view", help="Show an export's graph in the browser.", body=f"{__name__}.command:command")
