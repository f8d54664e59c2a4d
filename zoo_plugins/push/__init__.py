"""The verb `zoo push`: an export into a registry or onto a hub. Open `content.py` first: what may be sent."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo push`."""
    yield lazy_command("push", help="Put an export into a registry or onto a hub.", body=f"{__name__}.command:command")
