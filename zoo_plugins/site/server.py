"""The site on loopback: its files and nothing else, to pages of this machine alone."""

from __future__ import annotations

import http.server
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from zoo_core import ZooError
from zoo_core.data import plain_file

HOST = "127.0.0.1"
_MOST = 1 << 40
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".md": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
}


def open_site(folder: Path, *, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server for the files below `folder`; port 0 takes a free one. Raises ZooError when the port is taken."""

    class Handler(_Handler):
        root = folder.resolve()

    try:
        return _Server((HOST, port), Handler)
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
    """Answers with the files of the site; `/` at the end of an address means the page there. Everything else is 404."""

    root: Path

    def do_GET(self) -> None:
        """Answer with the content."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the base class's
        """Say nothing: one page is many requests."""

    def _answer(self, *, with_body: bool) -> None:
        port = self.connection.getsockname()[1]
        if self.headers.get("Host") not in {f"{HOST}:{port}", f"localhost:{port}"}:
            # Another site's name that was pointed at this machine (DNS rebinding) must not read the models.
            self.send_error(403)
            return
        path = unquote(urlsplit(self.path).path, errors="surrogateescape")
        parts = f"{path}index.html".split("/") if path.endswith("/") else path.split("/")
        if "\0" in path or any(part in {"", ".", ".."} for part in parts[1:]):
            self.send_error(404)
            return
        self._send(self.root.joinpath(*parts[1:]), with_body=with_body)

    def _send(self, path: Path, *, with_body: bool) -> None:
        try:
            with plain_file(path, most=_MOST, within=self.root) as file:
                self.send_response(200)
                self.send_header("Content-Type", _KINDS.get(path.suffix, "application/octet-stream"))
                self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Cache-Control", "no-cache")
                self.end_headers()
                if with_body:
                    shutil.copyfileobj(file, self.wfile)
        except ZooError:
            self.send_error(404)
