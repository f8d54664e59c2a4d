"""A registry of the Open Container Initiative on loopback, as small as its protocol lets it be, whose content a test
can alter. The real one is asked in a slow test."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class LoopbackRegistry:
    """`blobs` by digest, `manifests` by tag and digest; `refuse` is a status that every request gets, with the
    header Www-Authenticate `challenge`, but those with the Authorization `password`. `uploads` is where
    it sends those who upload, `instead` what it stores as every manifest."""

    place: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    refuse: int = 0
    challenge: str = ""
    password: str = ""
    uploads: str = ""
    instead: bytes = b""

    def put_manifest(self, tag: str, content: bytes) -> None:
        self.manifests[tag] = self.manifests[digest_of(content)] = content


@contextmanager
def loopback_registry() -> Iterator[LoopbackRegistry]:
    """A registry that answers at `place`, HOST:PORT."""
    registry = LoopbackRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def do_GET(self) -> None:
            found = None
            if match := re.fullmatch(r"/v2/.+/(blobs|manifests)/([^/]+)", self.path):
                found = (registry.blobs if match[1] == "blobs" else registry.manifests).get(match[2])
            if registry.refuse and not (registry.password and self.headers["Authorization"] == registry.password):
                self.answer(registry.refuse, **{"Www-Authenticate": registry.challenge})
            elif found is None:
                self.answer(404)
            else:
                self.answer(200, found, **{"Content-Type": MANIFEST})

        do_HEAD = do_GET

        def do_POST(self) -> None:
            self.answer(202, Location=registry.uploads or f"{self.path}one?state=x")

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if match := re.fullmatch(r"/v2/.+/manifests/([^/]+)", self.path):
                registry.put_manifest(match[1], registry.instead or content)
            elif match := re.fullmatch(r"/v2/.+/blobs/uploads/one\?state=x&digest=(.+)", self.path):
                assert match[1] == digest_of(content)
                registry.blobs[match[1]] = content
            self.answer(201)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.place = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
