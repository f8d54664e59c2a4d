"""The verb `zoo new`: a complete plugin, from the texts in `templates/`."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo new`."""
    help_text = "Write a new plugin, complete and ready to be tested."
    yield lazy_command("new", help=help_text, body=f"{__name__}.command:command")
