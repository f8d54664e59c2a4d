"""`zoo serve --grpc-port`: the protocol over gRPC, asked by a client that nobody here wrote."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from serving import SAMPLE, Serving, serving
from warm import Result

from zoo_core import __version__
from zoo_core.installation import install_command
from zoo_core.runtime import open_model
from zoo_plugins.serve.grpc_messages import FIELDS, MESSAGES

CHILD = Path(__file__).parents[1] / "helpers" / "triton_grpc_child.py"
BOUND = 2e-5


def told_by(server: Serving, *token: str) -> dict[str, Any]:
    command = [sys.executable, CHILD, server.told["grpc"], *token]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def expected() -> Any:
    rows = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    return open_model(SAMPLE, isolated=False).run({"image": rows})["logits"]


def test_tritons_client_finds_what_it_knows(tmp_path: Path) -> None:
    options = ("--trusted", "--grpc-port", "0", "--body", "1", "--log", "all")
    with serving(f"digits={SAMPLE}", *options, cwd=tmp_path) as running:
        told = told_by(running)
        metrics = running.ask("/metrics").body.decode()
        code, _, stderr = running.end()
    assert code == 0
    assert (told["live"], told["ready"]) == (True, [True, True, True])
    assert told["server"] == {"name": "zoo", "version": __version__}
    assert told["model"] == {
        "name": "digits",
        "versions": ["1"],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": ["-1", "1", "28", "28"]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": ["-1", "10"]}],
    }
    for answer in (*told["answers"], told["wanted"]):
        assert np.abs(np.array(answer) - expected()).max() <= BOUND
    assert told["no such"] == ["StatusCode.NOT_FOUND", "there is no model 'digit'; Did you mean 'digits'?"]
    assert told["no input"] == ["StatusCode.INVALID_ARGUMENT", "there is no input 'imag'; Did you mean 'image'?"]
    assert told["no output"] == ["StatusCode.INVALID_ARGUMENT", "there is no output 'logit'; Did you mean 'logits'?"]
    assert told["wrong"][0] == told["no number"][0] == "StatusCode.INVALID_ARGUMENT"
    assert "must be (N, 1, 28, 28)" in told["wrong"][1]
    assert "is not finite at 2,352 places" in told["no number"][1]
    assert told["too large"][0] == "StatusCode.RESOURCE_EXHAUSTED"
    assert 'zoo_requests_total{model="digits",operation="infer",status="200"} 4.0' in metrics
    lines = [json.loads(line) for line in stderr.splitlines()]
    assert {line["path"] for line in lines if line.get("method") == "gRPC"} >= {
        "/inference.GRPCInferenceService/ModelInfer",
        "/inference.GRPCInferenceService/ServerLive",
    }


def test_the_token_is_needed_there_too(tmp_path: Path) -> None:
    secret = "a-token-of-the-test"
    options = ("--trusted", "--grpc-port", "0")
    with serving(f"digits={SAMPLE}", *options, cwd=tmp_path, env={"ZOO_SERVE_TOKEN": secret}) as running:
        told = told_by(running, secret)
    assert told["live"]
    assert told["no token"][0] == "StatusCode.UNAUTHENTICATED"
    assert secret not in told["no token"][1]
    assert np.abs(np.array(told["answer"]) - expected()).max() <= BOUND


def test_a_taken_port_is_said(run_zoo: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_zoo("serve", SAMPLE, "--trusted", "--port", "0", "--grpc-port", str(port))
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-2:] == [
        f"Error: cannot listen on port {port} of 127.0.0.1 for gRPC",
        "Hint: choose another --grpc-port; 0 takes a free one",
    ]


def test_without_the_extra_its_command_is_named(site: Path, run_zoo: Callable[..., Result]) -> None:
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text("import sys\nsys.modules['grpc'] = None\n")
    done = run_zoo("serve", SAMPLE, "--grpc-port", "0")
    assert done.code == 1
    assert done.stderr == (
        "Error: zoo serve --grpc-port needs the package 'grpc', which is not installed\n"
        f"Hint: {install_command('grpc')}\n"
    )


def test_messages_are_those_of_the_protocol() -> None:
    # Held against the classes that Triton's client was generated with, in a process of its own.
    code = (
        "import sys, json; from tritonclient.grpc import service_pb2\n"
        "def fields(name):\n"
        "    found = service_pb2\n"
        "    for part in name.split('.'): found = getattr(found, part)\n"
        "    return sorted([f.name, f.number, f.type, f.has_presence, f.message_type and f.message_type.full_name]"
        " for f in found.DESCRIPTOR.fields)\n"
        "print(json.dumps({name: fields(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *FIELDS], capture_output=True, text=True, check=True)
    ours = {
        name: sorted(
            [f.name, f.number, f.type, f.has_presence, f.message_type and f.message_type.full_name]
            for f in MESSAGES[name].DESCRIPTOR.fields
        )
        for name in FIELDS
    }
    assert ours == json.loads(done.stdout)
