"""`zoo package --for mlserver`: its settings, and a real MLServer that serves them without a line of code."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from other_environment import TREE, environment_with
from serving import pictures, request_for
from warm import Result

from zoo_core.runtime import open_model

Zoo = Callable[..., Result]
SAMPLE = TREE / "exported" / "lenet5-digits"


def test_a_model_of_mlserver(run_zoo: Zoo, tmp_path: Path) -> None:
    words = ("--name", "digits", "--version", 3, "--batch", 16, "--delay", 2.5)
    done = run_zoo("package", SAMPLE, "--for", "mlserver", "--to", "models", *words)
    assert done.code == 0, done.stderr
    assert "Next: mlserver start models" in done.stdout
    folder = tmp_path / "models" / "digits"
    settings = json.loads((folder / "model-settings.json").read_text())
    assert (settings["name"], settings["parameters"]) == ("digits", {"uri": "./export/model.onnx", "version": "3"})
    assert settings["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 28, 28]}]
    assert settings["outputs"] == [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}]
    assert (settings["max_batch_size"], settings["max_batch_time"]) == (16, 0.0025)
    for path in (each for each in SAMPLE.rglob("*") if each.is_file()):
        assert (folder / "export" / path.relative_to(SAMPLE)).read_bytes() == path.read_bytes()
    assert run_zoo("verify", folder / "export").code == 0


@pytest.fixture(scope="module")
def mlserver() -> Path:
    """The program, in an environment with the zoo and nothing of the tests."""
    return environment_with("-e", f"{TREE}[mlserver]").with_name("mlserver")


@contextmanager
def started(program: Path, models: Path) -> Iterator[str]:
    """An MLServer that has begun to answer; where it does."""
    ports = dict(zip(("http_port", "grpc_port", "metrics_port"), free_ports(3), strict=True))
    told = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, **ports}
    (models / "settings.json").write_text(json.dumps(told))
    url = f"http://127.0.0.1:{ports['http_port']}"
    with (models.parent / "log").open("w") as log:
        process = subprocess.Popen([program, "start", models], cwd=models.parent, stdout=log, stderr=log)
        try:
            for _ in range(600):
                if process.poll() is not None or answered(f"{url}/v2/health/live"):
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=60)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def infer(url: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{url}/v2/models/digits/infer", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def wait_until_ready(url: str) -> None:
    for _ in range(300):
        if answered(f"{url}/v2/models/digits/ready"):
            return
        time.sleep(0.1)
    raise AssertionError("it does not become ready")


@pytest.mark.slow  # it makes an environment of its own: MLServer wants an old starlette
@pytest.mark.timeout(1500)  # pip on a busy machine
def test_a_real_mlserver_answers_as_the_file_does(mlserver: Path, run_zoo: Zoo, tmp_path: Path) -> None:
    done = run_zoo("package", SAMPLE, "--for", "mlserver", "--to", "models", "--name", "digits", "--delay", 20)
    assert done.code == 0, done.stderr
    with started(mlserver, tmp_path / "models") as url, open_model(SAMPLE, isolated=False) as model:
        wait_until_ready(url)
        found: dict[int, NDArray[Any]] = {}

        def ask(number: int) -> None:
            status, told = infer(url, request_for(pictures(1 + number % 5, seed=number), id=str(number)))
            assert (status, told["id"]) == (200, str(number))
            (output,) = told["outputs"]
            found[number] = np.array(output["data"], np.float32).reshape(output["shape"])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(40):
            (expected,) = model.run({"image": pictures(1 + number % 5, seed=number)}).values()
            np.testing.assert_allclose(found[number], expected, rtol=1e-5, atol=1e-4)

        good = pictures(1)
        status, told = infer(url, request_for(good, name="imge"))
        assert (status, "there is no input 'imge'. Did you mean 'image'?" in told["error"]) == (400, True), told
        status, told = infer(url, request_for(good[..., :27]))
        assert (status, "(N, 1, 28, 28)" in told["error"]) == (400, True), told
        status, told = infer(url, {"inputs": []})
        assert (status, "'image' is missing" in told["error"]) == (400, True), told
        wrong = request_for(good)
        wrong["inputs"][0]["datatype"] = "FP64"
        status, told = infer(url, wrong)
        assert (status, "input 'image' is FP32, not FP64" in told["error"]) == (400, True), told
        status, told = infer(url, request_for(good, outputs=[{"name": "logit"}]))
        assert (status, "there is no output 'logit'. Did you mean 'logits'?" in told["error"]) == (400, True), told


@pytest.mark.slow
@pytest.mark.timeout(1500)  # pip on a busy machine
def test_a_real_mlserver_is_not_ready_with_a_file_that_computes_something_else(
    mlserver: Path, run_zoo: Zoo, tmp_path: Path
) -> None:
    assert run_zoo("package", SAMPLE, "--for", "mlserver", "--to", "models", "--name", "digits").code == 0
    path = tmp_path / "models" / "digits" / "export" / "model.onnx"
    model = onnx.load(path)
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.5, weight.name))
    onnx.save(model, path)
    with started(mlserver, tmp_path / "models") as url:
        for _ in range(100):
            assert not answered(f"{url}/v2/models/digits/ready")
            if "is not served: its self-test says failed" in (tmp_path / "log").read_text():
                return
            time.sleep(0.1)
    raise AssertionError((tmp_path / "log").read_text())
