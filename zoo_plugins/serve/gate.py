"""Who is let in, and how what goes wrong is told: around the whole application, in its own shape."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo_core import ZooError

from .refusals import RETRY, ClientLeftError, ClosedError, QueueFullError, RefusedError, in_one_line

OPEN = frozenset({"/v2/health/live", "/v2/health/ready", "/", "/page.css", "/page.js"})
"""What needs no token: it says nothing of the models."""
LEFT = 499
"""What is noted as the status where the client has gone, and nothing was sent."""
_LOOPBACK_NAMES = frozenset({"localhost"})


@dataclass(frozen=True, kw_only=True)
class Done:
    """One request that is over; `operation` and `model` are empty where no address was found."""

    method: str
    path: str
    status: int
    seconds: float
    operation: str = ""
    model: str = ""
    error: Exception | None = None

    def about(self, *, operation: str, model: str) -> Done:
        """The same, with what was asked of which model."""
        return dataclasses.replace(self, operation=operation, model=model)

    @property
    def is_bug(self) -> bool:
        """Whether nobody has foreseen the error."""
        return self.error is not None and not isinstance(self.error, ZooError | HTTPException)


class Gate:
    """An ASGI application around another: checks the Host, the Origin and the token, and tells errors as JSON.

    `on_done` is called with every request that is over. `cut_off`: how many had no answer when the server ended.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None, names: tuple[str, ...], on_done: Callable[[Done], None]
    ) -> None:
        self._app = app
        self._token = token
        self._names = _LOOPBACK_NAMES | {name.lower().rstrip(".") for name in names}
        self._on_done = on_done
        self.under_way = self.cut_off = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, status = time.perf_counter(), 0
        problem: Exception | None = None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.under_way += 1
        try:
            self._check(scope)
            scope["app"] = self  # then the router raises what it does not find
            await self._app(scope, receive, noted)
        except (ClientDisconnect, ClientLeftError):
            status = LEFT
        except asyncio.CancelledError:
            self.cut_off += 1
            problem = RefusedError(503, "the server ends, and there was no answer in time", headers=RETRY)
        except Exception as error:  # noqa: BLE001 the last line of defence
            problem = error
        finally:
            self.under_way -= 1
            if problem is not None and not status:
                await _told(problem)(scope, receive, noted)
            self._on_done(_done(scope, status, time.perf_counter() - began, problem))

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise RefusedError(
                403, f"this server is not called {host[:100]!r}", hint="zoo serve --allow-host NAME, where it is"
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise RefusedError(403, "a page of another site may not ask this server")
        if self._token is not None and scope["path"] not in OPEN:
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                hint = "the header Authorization: Bearer TOKEN"
                raise RefusedError(401, "a token is needed", hint=hint, headers={"WWW-Authenticate": "Bearer"})

    def _is_ours(self, host: str) -> bool:
        """Whether the name is one of ours. An address always is: only a name can be pointed at another machine (DNS
        rebinding)."""
        name = _without_port(host).lower().rstrip(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _done(scope: Scope, status: int, seconds: float, error: Exception | None) -> Done:
    done = Done(method=scope["method"], path=scope["path"], status=status, seconds=seconds, error=error)
    operation = getattr(scope.get("endpoint"), "__name__", "")
    return done.about(operation=operation, model=scope.get("path_params", {}).get("name", ""))


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _told(error: Exception) -> JSONResponse:
    """The response for an error. One that nobody has foreseen is ours, and its text is for our eyes."""
    if isinstance(error, RefusedError):
        return JSONResponse({"error": in_one_line(error)}, error.status, headers=error.headers)
    if isinstance(error, QueueFullError):
        return JSONResponse({"error": in_one_line(error)}, 429, headers=RETRY)
    if isinstance(error, ClosedError):
        return JSONResponse({"error": in_one_line(error)}, 503, headers=RETRY)
    if isinstance(error, ZooError):
        return JSONResponse({"error": in_one_line(error)}, 500)
    if isinstance(error, HTTPException):
        words = {404: "there is nothing at this address", 405: "this address takes another method"}
        text = words.get(error.status_code, str(error.detail))
        return JSONResponse({"error": text}, error.status_code, headers=error.headers)
    return JSONResponse({"error": f"a bug in the server: {type(error).__name__}"}, 500)
