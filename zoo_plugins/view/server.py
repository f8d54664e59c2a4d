"""Netron's page for one export, on loopback: it can reach the model and nothing else, on the disk or outside.

We serve the page of the installed netron package ourselves, because its own server hands out every file beside the
model, titles the page with a path, lets the page report its use, and shows no model at all once it is 180 days old.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from zoo_core import MissingExtraError, ZooError
from zoo_core.commands import (
    FileContent,
    LoopbackServer,
    clear_io_errors,
    html_text,
    model_file,
    serve_on_loopback,
)
from zoo_core.data import read_plain
from zoo_core.runtime import vet

MODEL_URL = "/data/model.onnx"
ATTACHMENT_URL = "/data/netron.json"
SCRIPT_URL = "/zoo-attach.js"
_MOST_ATTACHED = 1 << 28

_ASSETS = {".js", ".css", ".json", ".png", ".ico", ".svg"}
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


def open_graph(export: Path, *, port: int = 0) -> LoopbackServer:
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

    pages = {"/": page, SCRIPT_URL: _ATTACH_SCRIPT.encode()}
    if attached is not None:
        pages[ATTACHMENT_URL] = attached

    def content_at(path: str) -> bytes | FileContent | None:
        if path in pages:
            return pages[path]
        file = model if path == MODEL_URL else _asset(package, path)
        return None if file is None else FileContent(file)

    # The page would report its use, the model's format and its producer to a measuring service.
    return serve_on_loopback(content_at, port=port, headers={"Content-Security-Policy": "connect-src 'self'"})


def _asset(package: Path, path: str) -> Path | None:
    name = path.removeprefix("/")
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[a-z]+", name) or Path(name).suffix not in _ASSETS:
        return None
    return package / name if (package / name).is_file() else None


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
