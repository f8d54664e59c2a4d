"""`zoo package`: what servers are given, read by their own definitions, and what is never packaged."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from warm import Result

from zoo_core.runtime import keep_tuned, open_model, read_onnx
from zoo_core.verification import self_test_cases

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"

READ_CONFIG = """
import json, sys
from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig
config = text_format.Parse(open(sys.argv[1], encoding="utf-8").read(), ModelConfig())
print(json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True)))
"""
"""What Triton itself does with the file: its definition refuses every field that it does not have."""


def config_in(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-c", READ_CONFIG, str(folder / "config.pbtxt")]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def test_a_triton_repository(run_zoo: Zoo, tmp_path: Path) -> None:
    done = run_zoo("package", SAMPLE, "--for", "triton", "--to", "repository", "--batch", 16, "--delay", 2.5, "--json")
    assert done.code == 0, done.stderr
    folder = tmp_path / "repository" / "lenet5-digits"
    assert sorted(done.json["files"]) == ["1/model.onnx", "config.pbtxt", "labels.txt", "warmup/input_0"]
    assert (folder / "1" / "model.onnx").read_bytes() == (SAMPLE / "model.onnx").read_bytes()
    config = config_in(folder)
    assert (config["name"], config["backend"], config["max_batch_size"]) == ("lenet5-digits", "onnxruntime", 16)
    assert config["input"] == [{"name": "image", "data_type": "TYPE_FP32", "dims": ["1", "28", "28"]}]
    (output,) = config["output"]
    assert (output["dims"], output["label_filename"]) == (["10"], "labels.txt")
    assert config["dynamic_batching"] == {"max_queue_delay_microseconds": "2500"}
    assert "optimization" not in config
    with open_model(SAMPLE, isolated=False) as model:
        assert (folder / "labels.txt").read_text().split() == list(model.labels)
        row = self_test_cases(model.metadata)[0].inputs()["image"][:1]
    (warm_up,) = config["model_warmup"]
    assert warm_up["inputs"]["image"]["dims"] == [str(size) for size in row.shape[1:]]
    stored = (folder / "warmup" / warm_up["inputs"]["image"]["input_data_file"]).read_bytes()
    assert np.array_equal(np.frombuffer(stored, np.float32).reshape(row.shape), row)


def test_triton_gets_what_was_tuned(run_zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_STATE", str(tmp_path / "state"))
    assert keep_tuned(
        read_onnx(SAMPLE / "model.onnx"), {"optimization": "basic", "threads": 1, "spinning": True}, batch=1
    )
    state = {"ZOO_STATE": str(tmp_path / "state")}
    done = run_zoo("package", SAMPLE, "--for", "triton", "--to", "repository", "--name", "tuned", env=state)
    assert done.code == 0, done.stderr
    config = config_in(tmp_path / "repository" / "tuned")
    assert config["optimization"]["graph"]["level"] == -1
    assert config["parameters"]["intra_op_thread_count"] == {"string_value": "1"}


def blobs_of(image: Path) -> dict[str, bytes]:
    """The blobs by their digests, which are looked at."""
    found = {path.name: path.read_bytes() for path in (image / "blobs" / "sha256").iterdir()}
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in found.items())
    return found


def described(blobs: dict[str, bytes], told: dict[str, Any]) -> bytes:
    content = blobs[told["digest"].removeprefix("sha256:")]
    assert len(content) == told["size"]
    return content


def test_an_image_that_holds_the_export(run_zoo: Zoo, tmp_path: Path) -> None:
    done = run_zoo("package", SAMPLE, "--for", "modelcar", "--to", "image", "--architecture", "arm64")
    assert done.code == 0, done.stderr
    image = tmp_path / "image"
    assert json.loads((image / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    blobs = blobs_of(image)
    (listed,) = json.loads((image / "index.json").read_text())["manifests"]
    manifest = json.loads(described(blobs, listed))
    config = json.loads(described(blobs, manifest["config"]))
    (layer,) = manifest["layers"]
    assert (config["architecture"], config["rootfs"]["diff_ids"]) == ("arm64", [layer["digest"]])
    assert len(described(blobs, layer)) == layer["size"]
    with tarfile.open(image / "blobs" / "sha256" / layer["digest"].removeprefix("sha256:")) as tar:
        tar.extractall(tmp_path / "pulled", filter="data")
    pulled = tmp_path / "pulled" / "models"
    for path in (each for each in SAMPLE.rglob("*") if each.is_file()):
        assert (pulled / path.relative_to(SAMPLE)).read_bytes() == path.read_bytes()
    assert run_zoo("verify", pulled).code == 0
    shutil.copytree(SAMPLE, tmp_path / "elsewhere")
    run_zoo("package", "elsewhere", "--for", "modelcar", "--to", "again", "--architecture", "arm64")
    assert blobs_of(tmp_path / "again") == blobs
    assert (tmp_path / "again" / "index.json").read_bytes() == (image / "index.json").read_bytes()


@pytest.mark.parametrize("target", ["triton", "modelcar"])
def test_a_file_that_computes_something_else_is_not_packaged(target: str, run_zoo: Zoo, tmp_path: Path) -> None:
    model = onnx.load(SAMPLE / "model.onnx")
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.5, weight.name))
    onnx.save(model, tmp_path / "other.onnx")
    done = run_zoo("package", "other.onnx", "--for", target, "--to", "made")
    assert done.code == 3
    assert "other.onnx is not packaged: its self-test says failed: " in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "site") == ["other.onnx"]


@pytest.mark.parametrize("target", ["triton", "modelcar"])
def test_nothing_is_written_over(target: str, run_zoo: Zoo, tmp_path: Path) -> None:
    words = ("package", SAMPLE, "--for", target, "--to", "made")
    assert run_zoo(*words).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "made").rglob("*") if path.is_file()}
    again = run_zoo(*words)
    assert again.code == 2
    assert "is there already" in again.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "made").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["../up", "", ".hidden", "two\nlines", "a" * 201])
def test_names_that_cannot_be(name: str, run_zoo: Zoo, tmp_path: Path) -> None:
    done = run_zoo("package", SAMPLE, "--for", "triton", "--to", "made", "--name", name)
    assert (done.code, (tmp_path / "made").exists()) == (2, False)
    assert "cannot be the name of a model here" in done.stderr


def test_a_folder_that_cannot_be_written(run_zoo: Zoo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_zoo("package", SAMPLE, "--for", "modelcar", "--to", "file/image")
    assert done.code == 1
    assert "cannot write file/image" in done.stderr


def test_a_further_version_of_a_model_for_triton(run_zoo: Zoo, tmp_path: Path) -> None:
    words = ("package", SAMPLE, "--for", "triton", "--to", "repository", "--version")
    assert run_zoo(*words, 1).code == 0
    done = run_zoo(*words, 2)
    assert done.code == 0, done.stderr
    model = tmp_path / "repository" / "lenet5-digits"
    assert sorted(path.name for path in model.iterdir()) == ["1", "2", "config.pbtxt", "labels.txt", "warmup"]
    assert (model / "2" / "model.onnx").read_bytes() == (SAMPLE / "model.onnx").read_bytes()
    other = run_zoo(*words, 3, "--batch", 3)
    assert (other.code, "config.pbtxt is not what this export needs" in other.stderr) == (2, True), other.stderr
    assert not (model / "3").exists()
