"""The verb `zoo serve`: exports over HTTP by the Open Inference Protocol, version 2. Open `app.py` first.

`batcher.py` runs requests together and knows no HTTP; `served.py` is one model, `repository.py` all of them; `gate.py`
says who is let in, `server.py` listens and drains.
"""

from __future__ import annotations

from collections.abc import Iterable

from zoo_core import hookimpl
from zoo_core.commands import LazyCommand, lazy_command


@hookimpl
def zoo_commands() -> Iterable[LazyCommand]:
    """The command `zoo serve`."""
    yield lazy_command("serve", help="Serve exports over HTTP.", body=f"{__name__}.command:command")
