"""Clients that ask a server for what they know already, and compare: its own process, so that its processor time is
apart.

Every answer is held against the one that the file gives for each row by itself. A 429 is waited out, as `Retry-After`
says, and the same request made again. Prints one JSON object; exit code 1 for an answer that is wrong.

    python benchmarks/serve_client.py HOST:PORT KNOWN.npz [--path PATH] [--requests N] [--clients N] [--json]

KNOWN.npz holds `input-I` and `output-I` of each request, `within`, how far an answer may be, and the two `names`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(kw_only=True)
class Counted:
    """What came of all requests: `seconds` of each that was answered, without the waits after a 429."""

    right: int = 0
    wrong: int = 0
    refused: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    rows: int = 0

    def failed(self, how: str) -> None:
        self.errors[how] = self.errors.get(how, 0) + 1


@dataclass(frozen=True, kw_only=True)
class Known:
    """One request, ready to be sent, and what its answer is."""

    message: bytes
    answer: np.ndarray


def read_known(path: Path, *, host: str, address: str, as_json: bool) -> tuple[list[Known], float]:
    """The requests, and how far answers may be."""
    stored = np.load(path, allow_pickle=False)
    name, output = (str(each) for each in stored["names"])
    found = []
    for number in range(sum(key.startswith("input-") for key in stored)):
        rows = stored[f"input-{number}"]
        one: dict[str, Any] = {"name": name, "shape": list(rows.shape), "datatype": "FP32"}
        if as_json:
            body = json.dumps({"inputs": [{**one, "data": rows.reshape(-1).tolist()}]}).encode()
            head = ""
        else:
            one["parameters"] = {"binary_data_size": rows.nbytes}
            wanted = [{"name": output, "parameters": {"binary_data": True}}]
            text = json.dumps({"inputs": [one], "outputs": wanted}).encode()
            body = text + rows.tobytes()
            head = f"Inference-Header-Content-Length: {len(text)}\r\n"
        first = f"POST {address} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        message = f"{first}{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        found.append(Known(message=message, answer=stored[f"output-{number}"]))
    return found, float(stored["within"])


async def client(place: str, known: list[Known], numbers: Iterator[int], counted: Counted, *, within: float) -> None:
    """One client: the next request as soon as the one before is answered."""
    host, port = place.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with contextlib.closing(writer):
        for number in numbers:
            one = known[number % len(known)]
            while True:
                began = time.perf_counter()
                writer.write(one.message)
                status, headers, body = await _answer(reader)
                if status != 429:
                    break
                counted.refused += 1
                await asyncio.sleep(float(headers[b"retry-after"]))
            if status != 200:
                counted.failed(f"{status} {body[:100].decode(errors='replace')}")
                continue
            counted.seconds.append(time.perf_counter() - began)
            _judge(one, headers, body, counted, within)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes], bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    body = await reader.readexactly(int(headers[b"content-length"]))
    return int(first.split()[1]), headers, body


def _judge(one: Known, headers: dict[bytes, bytes], body: bytes, counted: Counted, within: float) -> None:
    length = int(headers.get(b"inference-header-content-length", b"0"))
    if length:
        found = np.frombuffer(body[length:], np.float32)
    else:
        found = np.array(json.loads(body)["outputs"][0]["data"], np.float32)
    expected = one.answer.reshape(-1)
    if found.shape == expected.shape and np.abs(found - expected).max() <= within:
        counted.right += 1
        counted.rows += len(one.answer)
    else:
        counted.wrong += 1


async def ask(place: str, known: list[Known], *, requests: int, clients: int, within: float) -> Counted:
    """All requests, by so many clients at a time."""
    counted = Counted()
    numbers = iter(range(requests))
    asked = [client(place, known, numbers, counted, within=within) for _ in range(clients)]
    for error in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(error, BaseException):
            counted.failed(type(error).__name__)
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place")
    parser.add_argument("known", type=Path)
    parser.add_argument("--path", default="/v2/models/lenet5-digits/infer")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--json", action="store_true", help="numbers in JSON, not as bytes")
    asked = parser.parse_args()
    known, within = read_known(asked.known, host=asked.place, address=asked.path, as_json=asked.json)
    began, processor = time.perf_counter(), time.process_time()
    counted = asyncio.run(ask(asked.place, known, requests=asked.requests, clients=asked.clients, within=within))
    seconds = time.perf_counter() - began
    times = np.array(counted.seconds or [0.0])
    print(
        json.dumps(
            {
                "requests": asked.requests,
                "right": counted.right,
                "wrong": counted.wrong,
                "refused": counted.refused,
                "errors": counted.errors,
                "seconds": seconds,
                "requests_a_second": counted.right / seconds,
                "rows_a_second": counted.rows / seconds,
                "p50": float(np.percentile(times, 50)),
                "p99": float(np.percentile(times, 99)),
                "client_processor_seconds": time.process_time() - processor,
            }
        )
    )
    return 1 if counted.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
