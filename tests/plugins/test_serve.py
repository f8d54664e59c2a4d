"""`zoo serve` over HTTP: the protocol in JSON, limits, who is let in, and how it ends."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from serving import SAMPLE, Serving, output_of, pictures, request_for, serving
from warm import Result

from zoo_core import __version__
from zoo_core.installation import install_command
from zoo_core.runtime import open_model

INFER = "/v2/models/lenet5-digits/infer"
BOUND = 2e-5
"""What the file allows itself for plausible inputs, for a row alone or in company."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for the questions of this file, with small limits."""
    with serving(SAMPLE, "--trusted", "--body", "0.1", cwd=tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture(scope="module")
def expected() -> Callable[[Any], Any]:
    model = open_model(SAMPLE, isolated=False, threads=1)
    return lambda rows: model.run({"image": rows})["logits"]


def test_the_server_and_its_model_describe_themselves(server: Serving) -> None:
    assert server.told["models"] == [{"name": "lenet5-digits", "version": "1", "export": str(SAMPLE)}]
    assert server.ask("/v2/health/live").json == {"live": True}
    assert server.ask("/v2/health/ready").json == {"ready": True}
    about = server.ask("/v2").json
    assert server.ask("/v2/").json == about
    assert (about["name"], about["version"]) == ("zoo", __version__)
    assert server.ask("/v2/models/lenet5-digits").json == {
        "name": "lenet5-digits",
        "versions": ["1"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 28, 28]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}],
    }
    for place in ("", "/versions/1"):
        assert server.ask(f"/v2/models/lenet5-digits{place}/ready").json == {"name": "lenet5-digits", "ready": True}


@pytest.mark.parametrize("rows", [1, 3])
def test_rows_are_answered_as_the_file_answers_them(server: Serving, expected: Callable[[Any], Any], rows: int) -> None:
    given = pictures(rows, seed=rows)
    reply = server.ask(INFER, request_for(given, id="42", outputs=[{"name": "logits"}]))
    assert np.abs(output_of(reply) - expected(given)).max() <= BOUND
    assert reply.json["id"] == "42"
    assert (reply.json["model_name"], reply.json["model_version"]) == ("lenet5-digits", "1")
    nested = {**request_for(given)["inputs"][0], "data": given.tolist()}
    again = server.ask("/v2/models/lenet5-digits/versions/1/infer", {"inputs": [nested]})
    assert np.abs(output_of(again) - expected(given)).max() <= BOUND
    assert "id" not in again.json


ROW = pictures(1)


def changed(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{**request_for(ROW)["inputs"][0], **changes}]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "has no list of inputs"),
        (b"[1]", "the body is JSON, and no object"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"inputs": NaN}', "NaN is not a number"),
        (b'{"inputs": [{"name": "image", "data": [' + b"9" * 5000 + b"]}]}", "the body is not JSON"),
        ({}, "has no list of inputs"),
        ({"inputs": []}, "input 'image' is missing"),
        ({"inputs": changed()["inputs"] * 2}, "input 'image' is given twice"),
        (changed(name="imag"), "there is no input 'imag'; Did you mean 'image'?"),
        (changed(name=7), "there is no input '7'"),
        (changed(name=["image"]), "there is no input"),
        (changed(datatype="FP64"), "input 'image' is FP32, not FP64"),
        (changed(shape=[1, 1, 28]), "are 28 numbers, and holds 784"),
        (changed(shape=[1, 784]), "must have 4 axes"),
        (changed(shape="1"), "its shape is a list of sizes"),
        (changed(shape=[1, -1, 28, -28]), "its shape is a list of sizes"),
        (changed(shape=[0, 1, 28, 28], data=[]), "axis 0 is empty"),
        (changed(data=[True] * 784), "its data hold true and false"),
        (changed(data=["1"] * 784), "its data hold what is no number"),
        (changed(data=[[1.0], [1.0, 2.0]]), "no numbers in rows of equal length"),
        (changed(data=None), "has no list of numbers"),
        (changed(data=[1e300] * 784), "is not finite at 784 places"),
        (changed(parameters=1), "parameters are an object"),
        (changed(parameters={"binary_data_size": 8}), "binary_data_size is 8, and 0 bytes left"),
        ({**request_for(ROW), "id": 7}, "an id is a text"),
        ({**request_for(ROW), "outputs": [{"name": "logit"}]}, "there is no output 'logit'; Did you mean 'logits'?"),
        (
            {**request_for(ROW), "outputs": [{"name": "logits", "parameters": {"classification": 3}}]},
            "classification is not offered",
        ),
    ],
)
def test_what_cannot_be_answered_is_said_in_words(server: Serving, body: Any, said: str) -> None:
    reply = server.ask(INFER, body)
    assert reply.status == 400
    assert said in reply.error


def test_addresses_methods_and_sizes_have_their_statuses(server: Serving) -> None:
    missing = server.ask("/v2/models/lenet5-digit/infer", request_for(ROW))
    assert (missing.status, missing.error) == (404, "there is no model 'lenet5-digit'; Did you mean 'lenet5-digits'?")
    version = server.ask("/v2/models/lenet5-digits/versions/2")
    assert (version.status, version.error) == (404, "model 'lenet5-digits' has no version '2'; it has 1")
    assert server.ask("/v3").status == 404
    assert server.ask("/v3").error == "there is nothing at this address"
    wrong = server.ask(INFER)
    assert (wrong.status, wrong.error) == (405, "this address takes another method")
    large = server.ask(INFER, bytes(100_001))
    assert (large.status, large.error) == (413, "a body has at most 100,000 bytes here")
    packed = server.ask(INFER, b"x", headers={"Content-Encoding": "gzip"})
    assert (packed.status, packed.error) == (415, "packed bodies are not taken; leave out Content-Encoding")


def test_a_body_of_no_told_length_is_cut_off_where_it_is_too_large(server: Serving) -> None:
    host, port = server.place.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(f"POST {INFER} HTTP/1.1\r\nHost: {server.place}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        line.sendall(b"186a1\r\n" + bytes(100_001))
        assert b" 413 " in line.recv(1000)


def test_only_this_machine_is_let_in(server: Serving) -> None:
    port = server.place.partition(":")[2]
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}", "localhost"):
        assert server.ask("/v2", headers={"Host": host}).status == 200, host
    stranger = server.ask("/v2", headers={"Host": f"evil.example:{port}"})
    assert stranger.status == 403
    assert stranger.error.startswith(f"this server is not called 'evil.example:{port}'; zoo serve --allow-host")
    page = server.ask(INFER, request_for(ROW), headers={"Origin": "https://evil.example"})
    assert (page.status, page.error) == (403, "a page of another site may not ask this server")
    assert server.ask("/v2", headers={"Origin": server.url.rstrip("/")}).status == 200
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", int(port)), timeout=5)


def test_elsewhere_a_token_is_needed(tmp_path: Path, run_zoo: Callable[..., Result]) -> None:
    refused = run_zoo("serve", SAMPLE, "--host", "0.0.0.0", "--port", "0")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Error: whoever reaches 0.0.0.0 could use this server: that needs a token\nHint: ")
    short = run_zoo("serve", SAMPLE, env={"ZOO_SERVE_TOKEN": "short"})
    assert short.code == 2
    assert "ZOO_SERVE_TOKEN is a text of at least 16" in short.stderr
    secret = "a-token-of-the-test"
    options = ("--host", "0.0.0.0", "--allow-host", "zoo.example", "--trusted")
    with serving(SAMPLE, *options, cwd=tmp_path, env={"ZOO_SERVE_TOKEN": secret}) as running:
        assert running.ask("/v2/health/ready").status == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
            reply = running.ask("/v2", headers=headers)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert secret not in reply.error
        named = {"Authorization": f"Bearer {secret}", "Host": "zoo.example"}
        assert running.ask("/v2", headers=named).status == 200
        assert running.ask("/v2", headers={**named, "Host": "other.example"}).status == 403


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_what_is_under_way_finish(tmp_path: Path, number: int, code: int) -> None:
    with serving(SAMPLE, cwd=tmp_path) as running:
        host, port = running.place.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as line:
            body = b'{"inputs": []}'
            head = f"POST {INFER} HTTP/1.1\r\nHost: {running.place}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            line.sendall(head + body[:5])
            time.sleep(0.3)  # until the server has begun to read
            running.process.send_signal(number)
            time.sleep(0.3)
            line.sendall(body[5:])
            assert line.recv(1000).startswith(b"HTTP/1.1 400 ")
        stdout, stderr = running.process.communicate(timeout=60)
        assert running.process.returncode == code
        assert stdout == ""
        assert "Traceback" not in stderr
        with pytest.raises(OSError, match="refused"):
            running.ask("/v2")


def test_a_file_that_fails_its_self_test_is_never_served(tmp_path: Path, run_zoo: Callable[..., Result]) -> None:
    folder = tmp_path / "exported" / "spoilt"
    shutil.copytree(SAMPLE, folder)
    model = onnx.load(folder / "model.onnx")
    bias = next(each for each in model.graph.initializer if list(each.dims) == [10])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.001), bias.name))
    onnx.save(model, folder / "model.onnx")
    done = run_zoo("serve", "spoilt", "--port", "0")
    assert (done.code, done.stdout) == (3, "")
    assert "spoilt is not served: its self-test says failed: each row alone: logits is off by" in done.stderr
    assert "zoo verify says more" in done.stderr


def test_what_is_typed_wrong_is_said(tmp_path: Path, run_zoo: Callable[..., Result]) -> None:
    twice = run_zoo("serve", f"a/1={SAMPLE}", f"a/1={SAMPLE}")
    assert twice.code == 2
    assert "a is given twice in version 1" in twice.stderr
    slip = run_zoo("serve", SAMPLE, SAMPLE, "--port", "0")
    assert (slip.code, "lenet5-digits is given twice: " in slip.stderr) == (2, True), slip.stderr
    tmp_path.joinpath("model.onnx").write_bytes(b"<html>")
    assert run_zoo("serve", "model.onnx").code == 4
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_zoo("serve", SAMPLE, "--port", str(port))
    assert done.code == 1
    assert done.stderr.startswith(f"Error: cannot listen on port {port} of 127.0.0.1: Address already in use\nHint: ")


def test_without_the_extra_its_command_is_named(site: Path, run_zoo: Callable[..., Result]) -> None:
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text("import sys\nsys.modules['starlette'] = None\n")
    done = run_zoo("serve", SAMPLE)
    assert done.code == 1
    assert done.stderr == (
        f"Error: zoo serve needs the package 'starlette', which is not installed\nHint: {install_command('serve')}\n"
    )
