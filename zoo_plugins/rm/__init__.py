"""The verb `zoo rm`: runs and exports are removed, each as a whole, once somebody has said yes."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo rm`."""
    yield lazy_command("rm", help="Remove runs and exports, after asking.", body=f"{__name__}.command:command")
