"""`zoo serve` with several models and versions, loaded and unloaded, asked by clients that nobody here wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from serving import SAMPLE, Serving, output_of, pictures, request_for, serving

from zoo_core.runtime import open_model
from zoo_plugins.serve.infer import HEADER

CHILD = Path(__file__).parents[1] / "helpers" / "triton_child.py"
BOUND = 2e-5


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A copy of the sample that the test may change."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "exported" / "mine"))


@pytest.fixture
def server(tmp_path: Path, export: Path) -> Iterator[Serving]:
    given = (f"digits/1={SAMPLE}", "digits/new=mine", f"other={SAMPLE / 'model.onnx'}")
    with serving(*given, "--trusted", cwd=tmp_path) as running:
        yield running


def test_tritons_client_finds_what_it_knows(server: Serving) -> None:
    done = subprocess.run([sys.executable, CHILD, server.place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["live"], told["ready"]) == (True, True)
    assert told["server"]["extensions"][:2] == ["binary_tensor_data", "model_repository"]
    assert told["model"]["versions"] == ["1", "new"]
    rows = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    expected = open_model(SAMPLE, isolated=False).run({"image": rows})["logits"]
    for answer in (*told["answers"], told["again"]):
        assert np.abs(np.array(answer) - expected).max() <= BOUND
    assert told["no such"] == "there is no model 'digit'; Did you mean 'digits'?"
    assert "image' has shape (3, 1, 27, 28), and must be (N, 1, 28, 28)" in told["wrong"]
    states = {(row["name"], row["version"]): (row["state"], row["reason"]) for row in told["unloaded"]}
    gone = ("UNAVAILABLE", "it was unloaded")
    assert states == {("digits", "1"): gone, ("digits", "new"): gone, ("other", "1"): ("READY", "")}
    assert told["still ready"] == [True, False, True]
    assert told["not ready"] == "model 'digits' is not ready: it was unloaded"
    assert {row["state"] for row in told["loaded"]} == {"READY"}
    assert "leave out parameters" in told["no files"]


def test_a_new_file_is_taken_over_once_it_has_passed_its_self_test(server: Serving, export: Path) -> None:
    given = request_for(pictures(2))
    infer = "/v2/models/digits/versions/new/infer"
    before = output_of(server.ask(infer, given))
    sound = export.joinpath("model.onnx").read_bytes()
    model = onnx.load(export / "model.onnx")
    bias = next(each for each in model.graph.initializer if list(each.dims) == [10])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.001), bias.name))
    onnx.save(model, export / "model.onnx")
    refused = server.ask("/v2/repository/models/digits/load", b"")
    assert refused.status == 400
    assert "mine is not served: its self-test says failed" in refused.error
    assert np.array_equal(output_of(server.ask(infer, given)), before)  # the one that was good goes on
    export.joinpath("model.onnx").write_bytes(sound)
    assert server.ask("/v2/repository/models/digits/load", b"").status == 200
    assert np.abs(output_of(server.ask(infer, given)) - before).max() <= BOUND
    assert server.ask("/v2/repository/models/secret/load", b"").status == 404


def test_the_binary_extension_is_read_with_distrust(server: Serving) -> None:
    rows = pictures(2)
    one = {"name": "image", "shape": [2, 1, 28, 28], "datatype": "FP32"}
    infer = "/v2/models/other/infer"

    def ask(behind: bytes, *, size: object = rows.nbytes, header: str | None = None, **more: object) -> tuple[int, str]:
        told = json.dumps({"inputs": [{**one, "parameters": {"binary_data_size": size}, **more}]}).encode()
        reply = server.ask(infer, told + behind, headers={HEADER: header or str(len(told))})
        return reply.status, reply.body.decode()

    assert ask(rows.tobytes())[0] == 200
    for answer, said in (
        (ask(rows.tobytes()[:-1]), "binary_data_size is 6272, and 6,271 bytes left"),
        (ask(rows.tobytes() + b"x"), "the body has 1 byte more than its inputs need"),
        (ask(rows.tobytes(), size=-4), "binary_data_size is -4"),
        (ask(rows.tobytes(), size=True), "binary_data_size is True"),
        (ask(rows.tobytes()[:-4], size=rows.nbytes - 4), "and holds 1,567"),
        (ask(rows.tobytes()[:-3], size=rows.nbytes - 3), "are no whole number of FP32"),
        (ask(rows.tobytes(), data=[1.0]), "has data in JSON and as bytes"),
        (ask(rows.tobytes(), header="1000000"), "is the length of the JSON"),
        (ask(rows.tobytes(), header="-1"), "is the length of the JSON"),
        (ask(np.full_like(rows, np.nan).tobytes()), "is not finite"),
    ):
        assert answer[0] == 400
        assert said in answer[1]
    wanted = {**request_for(rows), "parameters": {"binary_data_output": True}}
    reply = server.ask(infer, wanted)
    length = int(reply.headers[HEADER])
    assert json.loads(reply.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 80}
    assert len(reply.body) == length + 80
