"""`zoo serve` with a model that takes as long as it is asked to: limits of time and of the queue, and who leaves."""

from __future__ import annotations

import io
import json
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served_models import A_WHILE, FOR_EVER, write_slow
from serving import SAMPLE, Reply, Serving, serving
from warm import PROGRAM

INFER = "/v2/models/slow/infer"


def counting_to(*times: int) -> dict[str, Any]:
    one = {"name": "times", "shape": [len(times)], "datatype": "INT64", "data": list(times)}
    return {"inputs": [one]}


def doubled(reply: Reply) -> list[float]:
    assert reply.status == 200, reply.body
    found: list[float] = reply.json["outputs"][0]["data"]
    return found


def waiting(server: Serving) -> int:
    """Requests in the queue."""
    lines = server.ask("/metrics").body.decode().splitlines()
    (line,) = [line for line in lines if line.startswith("zoo_waiting_requests{")]
    return int(float(line.split()[-1]))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def send(server: Serving, body: dict[str, Any]) -> socket.socket:
    """A request whose answer nobody has read yet."""
    host, port = server.place.split(":")
    line = socket.create_connection((host, int(port)), timeout=60)
    content = json.dumps(body).encode()
    head = f"POST {INFER} HTTP/1.1\r\nHost: {server.place}\r\nContent-Length: {len(content)}\r\n\r\n"
    line.sendall(head.encode() + content)
    return line


def npy(*times: int) -> bytes:
    content = io.BytesIO()
    np.save(content, np.array(times, np.int64))
    return content.getvalue()


def ended(lines: list[socket.socket]) -> list[socket.socket]:
    """Those of the connections that were answered."""
    return select.select(lines, [], [], 60)[0]


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return write_slow(tmp_path / "slow.onnx")


@pytest.fixture
def server(tmp_path: Path, slow: Path) -> Iterator[Serving]:
    """Two requests may wait, and each runs by itself; it is a file that is not known here, in a process of its own."""
    with serving(slow, "--queue", "2", "--workers", "1", "--batch", "1", cwd=tmp_path) as running:
        yield running


def test_a_full_queue_is_answered_with_429_and_then_rightly(server: Serving) -> None:
    refused = []

    def ask(number: int) -> list[float]:
        while True:
            reply = server.ask(INFER, counting_to(A_WHILE // 4 + number))
            if reply.status != 429:
                return doubled(reply)
            assert reply.headers["retry-after"] == "1"
            assert reply.error == "2 requests wait already; make the request again a little later"
            refused.append(number)
            time.sleep(0.1)

    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(ask, range(8))) == [[2.0 * (A_WHILE // 4 + number)] for number in range(8)]
    assert refused


def test_who_leaves_the_queue_is_not_computed_and_makes_room(server: Serving) -> None:
    first = send(server, counting_to(A_WHILE))
    until(lambda: "zoo_waiting_requests" in server.ask("/metrics").body.decode() and waiting(server) == 0)
    leaving = [send(server, counting_to(7)) for _ in range(2)]
    until(lambda: waiting(server) == 2)
    for line in leaving:
        line.close()
    until(lambda: waiting(server) == 0)
    assert doubled(server.ask(INFER, counting_to(9))) == [18.0]
    assert first.recv(10_000).startswith(b"HTTP/1.1 200 ")
    first.close()
    rows = [line for line in server.ask("/metrics").body.decode().splitlines() if line.startswith("zoo_rows_total{")]
    assert rows == ['zoo_rows_total{model="slow",version="1"} 2.0']


def test_a_request_without_an_end_is_ended_and_the_others_go_on(tmp_path: Path, slow: Path) -> None:
    with serving(slow, "--timeout", "2", cwd=tmp_path) as running:
        endless = running.ask(INFER, counting_to(FOR_EVER))
        assert endless.status in {503, 504}  # whichever is noticed first, the request or its batch
        # A request may be given up before its batch is: until that is noticed, too, others are told to ask again.
        until(lambda: running.ask(INFER, counting_to(3, 4)).status == 200)
        assert doubled(running.ask(INFER, counting_to(3, 4))) == [6.0, 8.0]
        predicted = running.ask("/v2/models/slow/predict?name=times.npy", npy(FOR_EVER))
        assert predicted.status in {503, 504}
        until(lambda: running.ask(INFER, counting_to(5)).status == 200)
        assert doubled(running.ask(INFER, counting_to(5))) == [10.0]
        line = send(running, counting_to(FOR_EVER))
        assert running.ask("/v2/repository/models/slow/unload", b"").status == 200
        with line:
            assert line.recv(1000)[:12] in {b"HTTP/1.1 503", b"HTTP/1.1 504"}
        assert running.ask("/v2/repository/models/slow/load", b"").status == 200
        assert doubled(running.ask(INFER, counting_to(6))) == [12.0]
        code, _, stderr = running.end()
    assert code == 0
    assert "Traceback" not in stderr
    assert {json.loads(line)["text"] for line in stderr.splitlines() if "trouble" in line} == {"a batch took too long"}


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with serving(SAMPLE, "--trusted", "--timeout", "0.5", cwd=tmp_path) as running:
        host, port = running.place.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as line:
            head = (
                f"POST /v2/models/lenet5-digits/infer HTTP/1.1\r\nHost: {running.place}\r\nContent-Length: 99\r\n\r\n"
            )
            line.sendall(head.encode() + b"{")
            with line.makefile("rb") as answer:
                text = answer.read().decode()
        assert text.startswith("HTTP/1.1 408 ")
        assert text.endswith('{"error":"the body took longer than 0.5 seconds"}')


def test_so_much_is_held_and_no_more(tmp_path: Path) -> None:
    with serving(SAMPLE, "--trusted", "--body", "0.1", "--timeout", "30", cwd=tmp_path) as running:
        host, port = running.place.split(":")
        head = (
            f"POST /v2/models/lenet5-digits/infer HTTP/1.1\r\nHost: {running.place}\r\nContent-Length: 100000\r\n\r\n"
        )
        lines = [socket.create_connection((host, int(port)), timeout=60) for _ in range(17)]
        for line in lines:
            line.sendall(head.encode() + bytes(99_000))
        assert b" 429 " in next(iter(ended(lines))).recv(1000)
        for line in lines:
            line.close()
        until(lambda: running.ask("/v2/models/lenet5-digits/infer", {}).status == 400)


def test_a_run_that_cannot_be_stopped_stops_nobody(tmp_path: Path, slow: Path) -> None:
    # A file that is trusted runs in the server's own process, where onnxruntime cannot be interrupted.
    with serving(slow, "--trusted", "--workers", "1", "--timeout", "1", cwd=tmp_path) as running:
        assert running.ask(INFER, counting_to(FOR_EVER)).status in {503, 504}
        until(lambda: running.ask("/v2/health/ready").status == 200)
        assert doubled(running.ask(INFER, counting_to(5))) == [10.0]
        assert running.end()[0] == 0


def test_what_waits_when_the_server_is_told_to_end_is_answered(server: Serving) -> None:
    lines = [send(server, counting_to(A_WHILE + number)) for number in range(2)]
    until(lambda: waiting(server) == 1)
    server.process.send_signal(signal.SIGTERM)
    for number, line in enumerate(lines):
        with line, line.makefile("rb") as answer:
            text = answer.read().decode()
        assert text.startswith("HTTP/1.1 200 ")
        assert f'"data":[{2.0 * (A_WHILE + number)}]' in text
    assert server.process.wait(60) == 0


@pytest.mark.parametrize("trusted", [(), ("--trusted",)])
def test_what_takes_longer_than_the_grace_is_left_and_said(
    tmp_path: Path, slow: Path, trusted: tuple[str, ...]
) -> None:
    with serving(slow, "--grace", "1", *trusted, cwd=tmp_path) as running:
        line = send(running, counting_to(FOR_EVER))
        time.sleep(0.5)
        code, _, stderr = running.end()
        with line:
            assert line.recv(1000).startswith(b"HTTP/1.1 503 ")
    assert code == 1
    assert "1 request was left without an answer within 1 seconds of the end" in stderr
    assert "Traceback" not in stderr


def test_a_self_test_without_an_end_is_ended_with_the_command(tmp_path: Path) -> None:
    endless = write_slow(tmp_path / "slow.onnx", least=FOR_EVER)
    command = [PROGRAM, "serve", endless, "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(3)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 143
    assert stderr == ""
