"""The verb `zoo package`: an export as another program wants to find it. Open `contents.py` first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo package`."""
    yield lazy_command("package", help="Lay an export out for a server.", body=f"{__name__}.command:command")
