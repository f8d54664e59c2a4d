"""Netron's page for one export, on loopback: it can reach the model and nothing else, on the disk or outside.

We serve the page of the installed netron package ourselves, because its own server hands out every file beside the
model, titles the page with a path, lets the page report its use, and shows no model at all once it is 180 days old.
"""

from __future__ import annotations

import http.server
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from zoo_core import MissingExtraError, UsageError, ZooError
from zoo_core.commands import clear_io_errors, html_text, model_file
from zoo_core.data import plain_file, read_plain
from zoo_core.runtime import vet

HOST = "127.0.0.1"
MODEL_URL = "/data/model.onnx"
ATTACHMENT_URL = "/data/netron.json"
SCRIPT_URL = "/zoo-attach.js"
_MOST_ATTACHED = 1 << 28
_MOST_SENT = 1 << 31

_ASSETS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".svg": "image/svg+xml",
}
_VERSION_TAG = re.compile(r'<meta name="version" content="[^"]*">')
_DATE_TAG = re.compile(r'<meta name="date" content="[^"]*">')

# Netron takes attachments by drop, but listens for drops only on a page that was opened without a model.
_ATTACH_SCRIPT = """
const attach = async () => {
    while (!(window.__view__ && window.__view__.model)) {
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const response = await fetch('/data/netron.json');
    const file = new File([await response.blob()], 'netron.json');
    await window.__view__.host._open(file, [file]);
};
attach().catch((error) => console.warn('netron.json could not be attached', error));
"""


class GraphServer:
    """An address in the browser that shows one model's graph; a context manager that ends with the server closed."""

    def __init__(self, server: http.server.ThreadingHTTPServer) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where the graph is shown."""
        return f"http://{HOST}:{self._server.server_port}/"

    def serve(self) -> None:
        """Answer requests until `close` is called from another thread, or an interruption."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.server_close()

    def __enter__(self) -> GraphServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_graph(export: Path, *, port: int = 0) -> GraphServer:
    """A server for the graph of `export`, a bundle's folder or an .onnx file; port 0 takes a free one.

    A bundle's `netron.json` is attached, so that nodes show their parameters, module and error. Raises RefusedFileError
    for what is no safe ONNX file, MissingExtraError without netron, ZooError when the port is taken.
    """
    model = model_file(export)
    vet(model)
    package = _netron_folder()
    attachment = export / "netron.json" if export.is_dir() else None
    attached = None
    if attachment is not None and attachment.is_file():
        attached = read_plain(attachment, most=_MOST_ATTACHED, what="the attachment", within=export)
    name = export.resolve().name if export.is_dir() else export.stem
    page = _page(package, name=name, attached=attached is not None)

    class Handler(_Handler):
        folder = package
        pages: ClassVar[dict[str, bytes]] = {
            "/": page,
            SCRIPT_URL: _ATTACH_SCRIPT.encode(),
            **({} if attached is None else {ATTACHMENT_URL: attached}),
        }
        files: ClassVar[dict[str, Path]] = {MODEL_URL: model}

    return GraphServer(_bind(Handler, port))


def _bind(handler: type[_Handler], port: int) -> http.server.ThreadingHTTPServer:
    try:
        return _Server((HOST, port), handler)
    except OverflowError:
        raise UsageError(f"a port is a number from 0 to 65535, not {port}") from None
    except OSError as error:
        raise ZooError(
            f"cannot listen on port {port} of {HOST}: {error.strerror}",
            hint="choose another --port, or leave --port out to use a free one",
        ) from error


def _netron_folder() -> Path:
    found = importlib.util.find_spec("netron")
    if found is None or found.origin is None:
        raise MissingExtraError(needed_for="zoo view", extra="view", missing="netron")
    return Path(found.origin).parent


def _page(package: Path, *, name: str, attached: bool) -> bytes:
    """Netron's own page, told which model to open.

    Its date goes: 180 days later, the page would do nothing but ask to be updated.
    """
    index = package / "index.html"
    with clear_io_errors("cannot read Netron's page", index):
        text = index.read_text(encoding="utf-8")
    version = _VERSION_TAG.search(text)
    if version is None or "</head>" not in text:
        raise ZooError(f"this netron has a page that zoo view does not know: {index}", hint="pip install 'netron>=8.4'")
    tags = [version[0], '<meta name="type" content="Python">', f'<meta name="file" content="{MODEL_URL}">']
    tags.append(f'<meta name="name" content="{html_text(name)}">')
    tags.append('<meta name="identifier" content="model.onnx">')
    text = _DATE_TAG.sub("", text).replace(version[0], "\n".join(tags), 1)
    if attached:
        text = text.replace("</head>", f'<script type="module" src="{SCRIPT_URL}"></script>\n</head>', 1)
    return text.encode()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone, as a browser does whose page is closed or loaded again."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers for Netron's page, its scripts, the model and its attachment; everything else is 404."""

    folder: Path
    pages: ClassVar[dict[str, bytes]]
    files: ClassVar[dict[str, Path]]

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
            # Another site's name that was pointed at this machine (DNS rebinding) must not read the model.
            self.send_error(403)
            return
        path = unquote(urlsplit(self.path).path)
        if path in self.pages:
            content = self.pages[path]
            self._head("text/html; charset=utf-8" if path == "/" else _ASSETS[Path(path).suffix], len(content))
            if with_body:
                self.wfile.write(content)
            return
        file = self.files.get(path) or self._asset(path)
        if file is None:
            self.send_error(404)
            return
        self._send_file(file, with_body=with_body)

    def _asset(self, path: str) -> Path | None:
        name = path.removeprefix("/")
        if not re.fullmatch(r"[A-Za-z0-9_-]+\.[a-z]+", name) or Path(name).suffix not in _ASSETS:
            return None
        return self.folder / name if (self.folder / name).is_file() else None

    def _send_file(self, path: Path, *, with_body: bool) -> None:
        try:
            with plain_file(path, most=_MOST_SENT) as file:
                self._head(_ASSETS.get(path.suffix, "application/octet-stream"), os.fstat(file.fileno()).st_size)
                if with_body:
                    shutil.copyfileobj(file, self.wfile)
        except ZooError:
            self.send_error(404)

    def _head(self, kind: str, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Content-Type-Options", "nosniff")
        # The page would report its use, the model's format and its producer to a measuring service.
        self.send_header("Content-Security-Policy", "connect-src 'self'")
        self.end_headers()
