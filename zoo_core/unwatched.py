"""A process that nobody watches leaves the code of plugins to one that is watched.

What a plugin's code does to its own process, such as `os._exit(0)`, is seen from another one only. A command that may
come upon such code, and mostly does not, begins without a watch, and begins anew with one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_refused: ContextVar[bool] = ContextVar("code of plugins is refused", default=False)


class PluginCodeAhead(BaseException):
    """The next step is code of a plugin that is not bundled, and nobody watches this process.

    It is no Exception: nobody on the way is to take it for an error.
    """


@contextlib.contextmanager
def plugins_refused() -> Iterator[None]:
    """Inside, `before_plugin_code` raises PluginCodeAhead."""
    token = _refused.set(True)
    try:
        yield
    finally:
        _refused.reset(token)


def before_plugin_code() -> None:
    """To be called before the first code of a plugin that is not bundled, and before what would be done twice."""
    if _refused.get():
        raise PluginCodeAhead
