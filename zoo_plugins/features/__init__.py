"""The verb `zoo features`: what a layer gives for the samples of a dataset, as a file."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo features`."""
    help_text = "Write what a layer gives for the samples of a dataset."
    yield lazy_command("features", help=help_text, body=f"{__name__}.command:command")
