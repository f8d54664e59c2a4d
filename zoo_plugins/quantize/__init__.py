"""The verb `zoo quantize`: smaller files, published only with their own proof. Open `quantize.py` first."""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo quantize`."""
    yield lazy_command("quantize", help="Make an export smaller, measured.", body=f"{__name__}.command:command")
