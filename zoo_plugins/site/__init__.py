"""The verb `zoo site`: a folder of static pages about exports. `building.py` is the whole road; open it first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo site`."""
    yield lazy_command("site", help="Make static pages of exports: a gallery.", body=f"{__name__}.command:command")
