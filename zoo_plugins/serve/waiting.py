"""What is read of a request, and how long its answer is waited for."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from .refusals import ClientLeftError, RefusedError

T = TypeVar("T")


async def read_body(request: Request, *, most: int) -> bytes:
    """The whole body. Raises RefusedError for more bytes, as soon as that is known, and for a packed one."""
    if "content-encoding" in request.headers:
        raise RefusedError(415, "packed bodies are not taken", hint="leave out Content-Encoding")
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def _too_large(most: int) -> RefusedError:
    # The rest of the body is not read, and would be taken for the next request.
    return RefusedError(413, f"a body has at most {most:,} bytes here", headers={"Connection": "close"})


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
