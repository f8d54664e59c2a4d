"""`zoo serve` as a process of its own, and what is asked of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from warm import PROGRAM

SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert set(self.json) == {"error"}, self.json
        return str(self.json["error"])


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that answers at `url`; `told` is what `--json` printed."""

    process: subprocess.Popen[str]
    told: Mapping[str, Any]

    @property
    def url(self) -> str:
        return str(self.told["url"])

    @property
    def place(self) -> str:
        """HOST:PORT."""
        return urlsplit(self.url).netloc

    def ask(
        self,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """GET without a body, else POST; a mapping is sent as JSON."""
        content = json.dumps(body).encode() if isinstance(body, Mapping) else body
        connection = http.client.HTTPConnection(self.place, timeout=60)
        try:
            method = method or ("GET" if body is None else "POST")
            connection.request(method, path, body=content, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Reply(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code and what was still printed, after a signal."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr


@contextmanager
def serving(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """`zoo serve ... --port 0 --json` in that folder, killed at the end if it still runs."""
    command = [PROGRAM, "serve", *map(str, arguments), "--port", "0", "--json"]
    pipe = subprocess.PIPE
    environment = {**os.environ, **(env or {})}
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            text = line = ""
            while line != "}\n":
                line = process.stdout.readline()
                assert line, process.communicate()
                text += line
            yield Serving(process=process, told=json.loads(text))
        finally:
            process.kill()


def pictures(rows: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Made-up inputs of the sample."""
    return np.random.default_rng(seed).random((rows, 1, 28, 28), dtype=np.float32)


def request_for(rows: NDArray[Any], *, name: str = "image", **more: Any) -> dict[str, Any]:
    """The body of an inference request in JSON."""
    one = {"name": name, "shape": list(rows.shape), "datatype": "FP32", "data": rows.reshape(-1).tolist()}
    return {"inputs": [one], **more}


def output_of(reply: Reply) -> NDArray[np.float32]:
    """The only output of a response in JSON."""
    assert reply.status == 200, reply.body
    (one,) = reply.json["outputs"]
    return np.array(one["data"], np.float32).reshape(one["shape"])
