"""`zoo export`, as a user runs it: the bundle, its bytes, bad input, signals, a full disk."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from file_limits import files_up_to
from onnx import numpy_helper
from PIL import Image
from safetensors.numpy import load_file, save_file
from warm import Result, start_program

Zoo = Callable[..., Result]
BUNDLE = {
    "README.md",
    "model.onnx",
    "netron.json",
    "report.json",
    "test_data_set_0/input_0.pb",
    "test_data_set_0/output_0.pb",
}


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_bundle_is_complete_and_its_report_true(trained: Path) -> None:
    folder = trained / "exported" / "lenet5-digits"
    assert set(_files(folder)) == BUNDLE
    report = json.loads((folder / "report.json").read_text())
    assert report["outcome"] == "verified"
    assert report["name"] == report["run"] == "lenet5-digits"
    assert report["model"] == "lenet5"
    assert report["opset"] == 20
    assert report["reference"] == "float64"
    assert report["untrained"] is False
    assert report["axes"] == {"image": ["N", 1, 28, 28], "logits": ["N", 10]}
    rules = {check["rule"] for check in report["checks"]}
    assert {"structure", "weights", "values", "sensitivity", "decisions", "self-test", "dataset"} <= rules
    assert all(check["outcome"] == "passed" for check in report["checks"])
    assert report["outputs"][0]["error"] <= report["outputs"][0]["bound"]
    for name, digest in report["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(report["files"]) == BUNDLE - {"report.json"}


def test_the_file_runs_with_onnxruntime_alone_for_any_batch(trained: Path) -> None:
    session = onnxruntime.InferenceSession(trained / "exported" / "lenet5-digits" / "model.onnx")
    for rows in (1, 4, 7):
        (logits,) = session.run(None, {"image": np.zeros((rows, 1, 28, 28), np.float32)})
        assert logits.shape == (rows, 10)
    metadata = json.loads(session.get_modelmeta().custom_metadata_map["zoo"])
    assert metadata["labels"] == [str(digit) for digit in range(10)]
    assert metadata["task"] == "image-classification"
    assert metadata["self_test"]["outputs"]["logits"]["expected"]


def test_the_test_vectors_pass_as_onnx_reads_them(trained: Path) -> None:
    folder = trained / "exported" / "lenet5-digits"
    tensors = {}
    for role in ("input", "output"):
        tensor = onnx.TensorProto.FromString((folder / "test_data_set_0" / f"{role}_0.pb").read_bytes())
        tensors[role] = numpy_helper.to_array(tensor)
    (found,) = onnxruntime.InferenceSession(folder / "model.onnx").run(None, {"image": tensors["input"]})
    np.testing.assert_allclose(found, tensors["output"], rtol=1e-3, atol=1e-7)


def test_denotations_and_module_paths_are_kept(trained: Path) -> None:
    model = onnx.load(trained / "exported" / "lenet5-digits" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.graph.input[0].type.denotation == "IMAGE"
    dims = [dim.denotation for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"]
    modules = {prop.value for node in model.graph.node for prop in node.metadata_props if prop.key == "module"}
    assert any(modules)
    attachment = json.loads((trained / "exported" / "lenet5-digits" / "netron.json").read_text())
    assert attachment["signature"] == "netron:attachment"


def test_two_exports_are_equal_to_the_byte_and_name_no_place(workplace: Path, zoo_here: Zoo) -> None:
    for folder in ("one", "two/deep"):
        assert zoo_here("export", "lenet5-digits", "--to", folder).code == 0
    first, second = _files(workplace / "one"), _files(workplace / "two" / "deep")
    assert first == second == _files(workplace / "exported" / "lenet5-digits")
    everything = b"".join(first.values())
    for word in (str(workplace), str(Path(onnx.__file__).parents[1]), os.path.expanduser("~"), "site-packages"):
        assert word.encode() not in everything


def test_json_is_the_report_with_its_path_and_nothing_else(workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "lenet5-digits", "--json")
    assert done.code == 0
    written = json.loads((workplace / "exported" / "lenet5-digits" / "report.json").read_text())
    assert done.json == {**written, "path": "exported/lenet5-digits"}


def test_an_untrained_model_says_so(tmp_path: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "mlp", "-o", "hidden=16", "-o", "num_classes=3", "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    assert done.json["untrained"] is True
    assert done.json["run"] is None
    assert "Untrained" in (tmp_path / "exported" / "mlp" / "README.md").read_text()


def test_weights_come_from_a_file(workplace: Path, zoo_here: Zoo) -> None:
    weights = workplace / "runs" / "lenet5-digits" / "weights.safetensors"
    done = zoo_here("export", "lenet5", "--weights", weights, "--json")
    assert done.code == 0, done.stderr
    assert done.json["untrained"] is False
    fewer = workplace / "fewer.safetensors"
    tensors = load_file(weights)
    tensors.popitem()
    save_file(tensors, fewer)
    done = zoo_here("export", "lenet5", "--weights", fewer, "--to", "other")
    assert done.code == 1
    assert f"Error: the weights in {fewer} do not fit the model: missing: " in done.stderr
    assert "give those with -o" in done.stderr
    done = zoo_here("export", "resnet9", "--weights", weights)
    assert done.code == 1
    error = done.stderr.splitlines()[0]
    assert "; unexpected: conv1.bias, conv1.weight, conv2.bias, conv2.weight and 6 more" in error
    assert len(error) < 400 + len(str(weights))  # not a line for each of a hundred names
    assert not (workplace / "other").exists()
    done = zoo_here("export", "lenet5", "--weights", "nowhere.safetensors")
    assert (done.code, "there is no file nowhere.safetensors" in done.stderr) == (1, True)
    done = zoo_here("export", "lenet5", "--weights", "IMAGENET")
    assert (done.code, "lenet5 has no weights called 'IMAGENET'" in done.stderr) == (2, True)


@pytest.mark.parametrize("opset", ["17", "18", "21"])
def test_the_opset_is_the_one_asked_for(opset: str, workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "lenet5-digits", "--opset", opset, "--json")
    assert done.code == 0, done.stderr
    assert done.json["opset"] == int(opset)
    model = onnx.load(workplace / "exported" / "lenet5-digits" / "model.onnx")
    assert [entry.version for entry in model.opset_import if not entry.domain] == [int(opset)]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nothing"], 2, "nothing"),
        (["lenet5-digit"], 2, "lenet5-digits"),
        (["lenet5-digits", "--opset", "12"], 2, "opset 12 is not supported"),
        (["lenet5-digits", "--dynamic", "H"], 2, "there is no free axis H"),
        (["lenet5-digits", "-o", "num_classes=3"], 2, "is a run: it brings its own weights and options"),
        (["lenet5", "-o", "num_clases=3"], 2, "num_classes"),
        (["lenet5", "-o", "num_classes=many"], 2, "takes int, not 'many'"),
        (["lenet5", "-o", "height=8", "-o", "width=8"], 1, "12"),
        (["lenet5-digits", "--to", "runs"], 1, "is not an earlier export"),
        (["lenet5-digits", "--to", "a-file"], 1, "is a file, not a folder"),
        (["lenet5-digits", "--to", "a-link"], 1, "is a symbolic link"),
    ],
)
def test_bad_input(arguments: list[str], code: int, text: str, workplace: Path, zoo_here: Zoo) -> None:
    (workplace / "a-file").write_text("mine")
    (workplace / "a-link").symlink_to("exported/lenet5-digits")
    before = _files(workplace)
    done = zoo_here("export", *arguments)
    assert done.code == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert _files(workplace) == before


def test_a_read_only_place(workplace: Path, zoo_here: Zoo) -> None:
    locked = workplace / "locked"
    locked.mkdir()
    done = zoo_here("export", "lenet5-digits", "--to", "/proc/export")
    assert done.code == 1
    assert "cannot write /proc/export" in done.stderr


def test_damaged_runs(workplace: Path, zoo_here: Zoo) -> None:
    run = workplace / "runs" / "lenet5-digits"
    weights = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(weights[:-100])
    done = zoo_here("export", "lenet5-digits")
    assert done.code == 1
    assert "weights.safetensors" in done.stderr
    (run / "weights.safetensors").unlink()
    done = zoo_here("export", "lenet5-digits")
    assert done.code == 1
    assert "has no weights" in done.stderr
    (run / "run.json").write_text("{")
    done = zoo_here("export", "lenet5-digits")
    assert done.code == 1
    assert "run.json" in done.stderr


def test_data_whose_classes_have_changed_are_not_what_the_run_was_trained_on(tmp_path: Path, zoo_here: Zoo) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(6):
            pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{index}.png")
    asked = ("--dataset", "image-folder", "-d", "root=pictures", "-d", "size=16", "--epochs", "1", "-o", "hidden=4")
    assert zoo_here("train", "mlp", *asked, "--run", "pets").code == 0
    (tmp_path / "pictures" / "dog").rename(tmp_path / "pictures" / "ape")
    done = zoo_here("export", "pets")
    assert done.code == 1
    told = (
        "the classes of dataset image-folder are not those of run 'pets'; only in the dataset: ape; only in the model: "
    )
    assert told + "dog" in done.stderr
    assert "Hint: the data have changed since: bring the old ones back, or train again" in done.stderr
    assert not (tmp_path / "exported").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_leaves_nothing_half_written(number: int, code: int, workplace: Path) -> None:
    before = _files(workplace)
    child = start_program("export", "lenet5-digits", "--to", "new", cwd=workplace, stderr=subprocess.PIPE)
    assert child.stderr is not None
    for line in child.stderr:
        if "converting" in line:
            break
    time.sleep(0.3)
    child.send_signal(number)
    rest = child.communicate(timeout=60)[1]
    assert child.returncode == code, rest
    assert "Traceback" not in rest
    assert _files(workplace) == before


def test_what_a_killed_export_left_is_cleared(workplace: Path, zoo_here: Zoo) -> None:
    left = workplace / "exported" / ".lenet5-digits.tmp"
    left.mkdir()
    (left / "model.onnx").write_bytes(b"half")
    assert zoo_here("export", "lenet5-digits").code == 0
    assert not left.exists()


def test_a_full_disk(workplace: Path, zoo_here: Zoo) -> None:
    small = workplace / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: " + mounted.stderr.decode())
    try:
        done = zoo_here("export", "lenet5-digits", "--to", small / "export")
        left = list(small.iterdir())
    finally:
        subprocess.run(["umount", small], check=True)
    assert done.code == 1
    assert "No space left on device" in done.stderr
    assert "Hint: the disk is full" in done.stderr
    assert left == []


def test_a_full_disk_leaves_the_export_that_was_there(workplace: Path, zoo_here: Zoo) -> None:
    before = _files(workplace)
    with files_up_to(50_000):
        done = zoo_here("export", "lenet5-digits")
    assert done.code == 1, done.stderr
    assert "File too large" in done.stderr
    assert (
        "Hint: files of that size are not allowed there: choose another folder, or raise the limit (ulimit -f)"
        in done.stderr
    )
    assert _files(workplace) == before


def test_two_exports_to_one_place_do_not_mix(workplace: Path) -> None:
    command = ["export", "lenet5-digits", "--to", "same"]
    children = [
        start_program(*command, cwd=workplace, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)
    ]
    said = [child.communicate(timeout=120)[1] for child in children]
    codes = [child.returncode for child in children]
    assert 0 in codes, said
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or (code == 1 and "another process is exporting to" in text), text
    assert set(_files(workplace / "same")) == BUNDLE


def test_the_current_folder_is_a_place_too(tmp_path: Path, zoo_here: Zoo) -> None:
    (tmp_path / "here").mkdir()
    os.chdir(tmp_path / "here")
    done = zoo_here("export", "mlp", "--to", ".")
    assert done.code == 0, done.stderr
    assert set(_files(tmp_path / "here")) == BUNDLE


def test_weights_in_another_precision(workplace: Path, zoo_here: Zoo) -> None:
    weights = load_file(workplace / "runs" / "lenet5-digits" / "weights.safetensors")
    save_file({name: value.astype(np.float16) for name, value in weights.items()}, workplace / "half.safetensors")
    done = zoo_here("export", "lenet5", "--weights", "half.safetensors")
    assert done.code == 0, done.stderr
    assert "lenet5: verified" in done.stdout
