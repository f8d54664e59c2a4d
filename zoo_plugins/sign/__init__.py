"""The verb `zoo sign`: who says that an export is theirs. `zoo verify --key` is the other side of it."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo sign`."""
    yield lazy_command("sign", help="Sign an export with a key of your own.", body=f"{__name__}.command:command")
