"""What is read of a request, and how long its answer is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from .refusals import RETRY, ClientLeftError, RefusedError

T = TypeVar("T")

_AT_A_TIME = 16
"""So many of the largest bodies are held at a time, or more of smaller ones."""
_CLOSE = {"Connection": "close"}
"""The rest of such a body is not read, and would be taken for the next request."""


class Bodies:
    """Reads bodies: each has at most `most` bytes and `seconds`, and all that are held at a time are not too many."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, which counts as held until the block is done.

        Raises RefusedError for one that is too large, as soon as that is known, too slow or packed, and QueueFullError
        where too much is held already.
        """
        if "content-encoding" in request.headers:
            raise RefusedError(415, "packed bodies are not taken", hint="leave out Content-Encoding")
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told) > self._most:
            raise _too_large(self._most)
        parts: list[bytes] = []
        try:
            await self._fill(parts, request)
            yield b"".join(parts) if len(parts) != 1 else parts[0]
        finally:
            self._held -= sum(map(len, parts))

    async def _fill(self, parts: list[bytes], request: Request) -> None:
        size = 0
        try:
            async with asyncio.timeout(self._seconds):
                async for part in request.stream():
                    parts.append(part)
                    self._held += len(part)
                    size += len(part)
                    if size > self._most:
                        raise _too_large(self._most)
                    if self._held > _AT_A_TIME * self._most:
                        raise RefusedError(429, "too much is being sent at a time", headers={**RETRY, **_CLOSE})
        except TimeoutError:
            raise RefusedError(408, f"the body took longer than {self._seconds:g} seconds", headers=_CLOSE) from None


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"a body has at most {most:,} bytes here", headers=_CLOSE)


async def answer_of(future: asyncio.Future[T], receive: Receive, *, seconds: float) -> T:
    """The result of the future, which is cancelled when the client leaves or the time is over.

    Raises RefusedError after so many seconds, and ClientLeftError.
    """
    leaving = asyncio.ensure_future(_left(receive))
    leaving.add_done_callback(lambda _: future.cancel())
    try:
        async with asyncio.timeout(seconds):
            return await future
    except TimeoutError:
        raise RefusedError(504, f"there was no answer within {seconds:g} seconds") from None
    except asyncio.CancelledError:
        if leaving.done() and not leaving.cancelled():
            raise ClientLeftError from None
        raise
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
