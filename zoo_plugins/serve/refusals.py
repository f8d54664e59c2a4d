"""Why a request is not answered: the status of HTTP, and words."""

from __future__ import annotations

from collections.abc import Mapping

from zoo_core import ZooError


class RefusedError(ZooError):
    """A request that is not answered as it was meant; `status` is that of HTTP."""

    def __init__(
        self, status: int, message: str, *, hint: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = dict(headers or {})


class QueueFullError(ZooError):
    """As many requests wait as may; the same one can be made again a little later."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting:,} requests wait already", hint="make the request again a little later")


class ClosedError(ZooError):
    """No requests are taken any more."""


class SelfTestFailedError(ZooError):
    """The file does not compute here what its own self-test says, or has none (exit code 3)."""

    exit_code = 3


class ClientLeftError(Exception):
    """Who asked has gone, and nobody waits for the answer."""


RETRY = {"Retry-After": "1"}
"""After so many seconds the same request may be made again."""


def in_one_line(error: ZooError) -> str:
    """The message, with what to do about it where that is known."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
