"""Pages on loopback: what a command shows in the browser, to this machine alone."""

from __future__ import annotations

import http.server
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import plain_file

HOST = "127.0.0.1"
_MOST = 1 << 40
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".yaml": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class FileContent:
    """What a file holds, as an answer; `within` is the folder that no link on its way may leave."""

    path: Path
    within: Path | None = None


Answers = Callable[[str], bytes | FileContent | None]
"""What is at a path that begins with `/`, its percent signs undone; None where nothing is (404)."""


class LoopbackServer:
    """Answers on 127.0.0.1 to pages of this machine; a context manager that ends with the server closed."""

    def __init__(self, server: http.server.ThreadingHTTPServer) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where `/` is."""
        return f"http://{HOST}:{self._server.server_port}/"

    def serve(self) -> None:
        """Answer requests until an interruption, or `stop` is called from another thread."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End `serve`, which runs in another thread, and wait for that."""
        self._server.shutdown()

    def __enter__(self) -> LoopbackServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()


def serve_on_loopback(answers: Answers, *, port: int = 0, headers: Mapping[str, str] | None = None) -> LoopbackServer:
    """A server whose GET and HEAD are answered by `answers`, with `headers` besides; port 0 takes a free one.

    The kind of a content follows from the end of its path, that of `/` is HTML. Raises ZooError when the port is taken.
    """

    class Handler(_Handler):
        content_of = staticmethod(answers)
        also: ClassVar[dict[str, str]] = dict(headers or {})

    try:
        return LoopbackServer(_Server((HOST, port), Handler))
    except OverflowError:
        raise UsageError(f"a port is a number from 0 to 65535, not {port}") from None
    except OSError as error:
        raise ZooError(
            f"cannot listen on port {port} of {HOST}: {error.strerror}",
            hint="choose another --port, or leave --port out to use a free one",
        ) from error


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone, as a browser does whose page is closed or loaded again."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    content_of: Answers
    also: ClassVar[dict[str, str]]

    def do_GET(self) -> None:
        """Answer with the content."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the base class's
        """Say nothing: one page is a hundred requests."""

    def _answer(self, *, with_body: bool) -> None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in {f"{HOST}:{port}", f"localhost:{port}"}:
            # Another site's name that was pointed at this machine (DNS rebinding) must not read the models.
            self.send_error(403)
            return
        path = unquote(urlsplit(self.path).path, errors="surrogateescape")
        content = self.content_of(path)
        if content is None:
            self.send_error(404)
        elif isinstance(content, bytes):
            self._head(path, len(content))
            if with_body:
                self.wfile.write(content)
        else:
            self._send_file(path, content, with_body=with_body)

    def _send_file(self, path: str, content: FileContent, *, with_body: bool) -> None:
        try:
            with plain_file(content.path, most=_MOST, within=content.within) as file:
                self._head(path, os.fstat(file.fileno()).st_size)
                if with_body:
                    shutil.copyfileobj(file, self.wfile)
        except ZooError:
            self.send_error(404)

    def _head(self, path: str, length: int) -> None:
        self.send_response(200)
        suffix = ".html" if path.endswith("/") else Path(path).suffix
        self.send_header("Content-Type", _KINDS.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(length))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in self.also.items():
            self.send_header(name, value)
        self.end_headers()
