"""A server on loopback that speaks as much of the protocol of Hugging Face's hub as `zoo push` and `zoo pull` need.

It is not the real hub, which no test asks: its answers are those that `huggingface_hub` reads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class LoopbackHub:
    """`repositories` by name, each the files of its only branch, `main`; `token` is wanted where it is set."""

    url: str = ""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    token: str = ""

    def commit(self, name: str) -> str:
        """A name for the content of a repository."""
        return hashlib.sha1(repr(sorted(self.repositories[name].items())).encode()).hexdigest()


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """A hub that answers at `url`."""
    hub = LoopbackHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, content: Any = b"", **headers: str) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+)|/tree/(.+))?", path):
                self.about(match[1], match[2] or match[3], as_tree=match[3] is not None)
            elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self.file(match[1], match[2], match[3])
            else:
                self.answer(404)

        do_HEAD = do_GET

        def about(self, name: str, revision: str | None, *, as_tree: bool) -> None:
            files = hub.repositories.get(name)
            if files is None:
                return self.answer(404, **{"X-Error-Code": "RepoNotFound"})
            if revision not in {None, "main", hub.commit(name)}:
                return self.answer(404, **{"X-Error-Code": "RevisionNotFound"})
            listed = [{"type": "file", "path": file, "oid": "0" * 40, "size": len(files[file])} for file in files]
            siblings = [{"rfilename": each["path"], "size": each["size"]} for each in listed]
            return self.answer(200, listed if as_tree else {"id": name, "sha": hub.commit(name), "siblings": siblings})

        def file(self, name: str, revision: str, file: str) -> None:
            content = hub.repositories.get(name, {}).get(file)
            if content is None or revision not in {"main", hub.commit(name)}:
                return self.answer(404, **{"X-Error-Code": "EntryNotFound"})
            tag = hashlib.sha1(content).hexdigest()
            return self.answer(200, content, **{"ETag": f'"{tag}"', "X-Repo-Commit": hub.commit(name)})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self.answer(401, {"error": "who are you?"})
            path = unquote(urlsplit(self.path).path)
            if path == "/api/repos/create":
                told = json.loads(body)
                name = f"{told['organization']}/{told['name']}" if told.get("organization") else told["name"]
                if name in hub.repositories:
                    return self.answer(409, {"url": f"{hub.url}/{name}"})
                hub.repositories[name] = {}
                hub.private[name] = told.get("private") is True or told.get("visibility") == "private"
                return self.answer(200, {"url": f"{hub.url}/{name}", "name": name})
            if path == "/api/validate-yaml":
                return self.answer(200, {"errors": [], "warnings": []})
            if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
                modes = [
                    {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for each in json.loads(body)["files"]
                ]
                return self.answer(200, {"files": modes})
            if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        value = line["value"]
                        hub.repositories[match[1]][value["path"]] = base64.b64decode(value["content"])
                commit = hub.commit(match[1])
                url = f"{hub.url}/{match[1]}/commit/{commit}"
                return self.answer(200, {"success": True, "commitOid": commit, "commitUrl": url})
            return self.answer(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
