"""Listening, and ending well: what is under way when SIGTERM comes is answered."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from zoo_core import UsageError, ZooError

from .app import App
from .gate import Done, Gate
from .log import Log
from .repository import Repository
from .settings import ServeSettings

if TYPE_CHECKING:
    from .grpc_service import GrpcService

_SWITCH_SECONDS = 0.0005
"""How long the event loop keeps a worker that has its outputs waiting for Python; usually ten times as long."""
_KEEP_SECONDS = 75
"""How long a connection is kept for the next request."""
_SAME_SIGNAL_SECONDS = 1.0
"""A signal that comes again within this time is the same one: a terminal sends Ctrl-C to every process of a command,
and the first of them passes it on."""


def listen(settings: ServeSettings) -> socket.socket:
    """The socket. Raises UsageError where others than this machine could ask without a token, ZooError where the port
    is taken."""
    if settings.token is None and not is_loopback(settings.host):
        raise UsageError(
            f"whoever reaches {settings.host} could use this server: that needs a token",
            hint="put one into the variable ZOO_SERVE_TOKEN, or listen on 127.0.0.1",
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise ZooError(
            f"cannot listen on port {settings.port} of {settings.host}: {error.strerror or error}",
            hint="choose another --port; --port 0 takes a free one",
        ) from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_of(listening: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(
    models: Repository, settings: ServeSettings, listening: socket.socket, *, on_ready: Callable[[str], None]
) -> int | None:
    """Answer until SIGTERM or Ctrl-C, and then what is under way; the signal that came. Models are open already.

    Raises ZooError where requests were left without an answer.
    """
    log = Log(settings.log)
    log.take_over()
    app = App(models, settings, log=log)

    def on_done(done: Done) -> None:
        app.measures.count(done)
        log.request(done)

    names = (settings.host, *settings.names)
    gate = Gate(app.router(), token=settings.token, names=names, on_done=on_done)
    config = uvicorn.Config(
        gate,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
    )
    grpc = _grpc_service(models, settings, on_done) if settings.grpc_port is not None else None
    server = _Server(config, gate=gate, models=models, grpc=grpc, on_ready=on_ready)
    log.tell("started", address=url_of(listening), models=models.to_json())
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        server.run(sockets=[listening])
    finally:
        models.close()
    log.tell("ended", signal=server.signal, left=server.left)
    _check_none_left(server.left, settings)
    return server.signal


def _check_none_left(left: int, settings: ServeSettings) -> None:
    if left:
        told = "1 request was" if left == 1 else f"{left:,} requests were"
        raise ZooError(
            f"{told} left without an answer within {settings.grace:g} seconds of the end",
            hint="--grace gives more time",
        )


def _grpc_service(models: Repository, settings: ServeSettings, on_done: Callable[[Done], None]) -> GrpcService:
    from .grpc_service import GrpcService  # an extra of its own

    return GrpcService(models, settings, on_done=on_done)


class _Server(uvicorn.Server):
    """uvicorn's server, whose end is ours: it does not send itself the signal that ended it once more."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        gate: Gate,
        models: Repository,
        grpc: GrpcService | None,
        on_ready: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._gate = gate
        self._models = models
        self._grpc = grpc
        self._on_ready = on_ready
        self._told: float | None = None
        self.signal: int | None = None
        self.left = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for model in self._models:
            model.start()
        if self._grpc is not None:
            await self._grpc.start()
        await super().startup(sockets=sockets)
        self._on_ready(self._grpc.place if self._grpc is not None else "")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        stopping = [self._grpc.stop()] if self._grpc is not None else []
        await asyncio.gather(super().shutdown(sockets=sockets), *stopping)
        self.left = self._gate.under_way + self._gate.cut_off

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._told is not None and now - self._told < _SAME_SIGNAL_SECONDS:
            return
        if self._told is not None:
            self.force_exit = True
        self._told, self.signal, self.should_exit = now, sig, True
