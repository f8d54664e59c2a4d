"""`zoo verify` on bundles that were changed after they were published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from warm import Result

Zoo = Callable[..., Result]
LEVELS = ("optimised", "extended optimisation", "basic optimisation", "not optimised")


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _rewrite(path: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def _scale_weight(model: onnx.ModelProto) -> None:
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), tensor.name))


def test_verify_passes_here_and_says_what_it_did(workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("verify", "lenet5-digits", "--json")
    assert done.code == 0
    assert done.json["outcome"] == "verified"
    rules = {check["rule"] for check in done.json["checks"]}
    assert {"files", "structure", "self-test", "test vectors", "batches", "sensitivity"} <= rules
    people = zoo_here("verify", "exported/lenet5-digits")
    assert people.code == 0
    assert "lenet5-digits: verified" in people.stdout
    bare = zoo_here("verify", "exported/lenet5-digits/model.onnx", "--json")
    assert bare.code == 0
    assert bare.json["outcome"] == "verified"
    thorough = zoo_here("verify", "lenet5-digits", "--thorough", "--json")
    assert thorough.code == 0
    settings = {check["detail"].partition(":")[0] for check in thorough.json["checks"] if check["rule"] == "self-test"}
    assert {f"{level}, 1 thread" for level in LEVELS} <= settings


def test_verify_finds_a_changed_weight_even_in_a_bare_file(workplace: Path, zoo_here: Zoo) -> None:
    folder = workplace / "exported" / "lenet5-digits"
    _rewrite(folder / "model.onnx", _scale_weight)
    done = zoo_here("verify", "lenet5-digits", "--json")
    assert done.code == 3
    assert done.json["outcome"] == "failed"
    failed = {check["rule"] for check in done.json["checks"] if check["outcome"] == "failed"}
    assert {"files", "self-test"} <= failed
    bare = zoo_here("verify", folder / "model.onnx")
    assert bare.code == 3
    assert "self-test" in bare.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "README.md has changed"),
        ("test_data_set_0/output_0.pb", "has changed"),
        ("netron.json", "has changed"),
    ],
)
def test_verify_finds_a_changed_file(name: str, text: str, workplace: Path, zoo_here: Zoo) -> None:
    path = workplace / "exported" / "lenet5-digits" / name
    path.write_bytes(path.read_bytes() + b"\n")
    done = zoo_here("verify", "lenet5-digits")
    assert done.code == 3
    assert text in done.stderr


def test_verify_finds_files_that_are_missing_or_too_many(workplace: Path, zoo_here: Zoo) -> None:
    folder = workplace / "exported" / "lenet5-digits"
    (folder / "extra.txt").write_text("x")
    assert "extra.txt is not in the report" in zoo_here("verify", "lenet5-digits").stderr
    (folder / "extra.txt").unlink()
    (folder / "netron.json").unlink()
    assert "netron.json is missing" in zoo_here("verify", "lenet5-digits").stderr
    (folder / "report.json").write_text("[]")
    done = zoo_here("verify", "lenet5-digits")
    assert done.code == 1
    assert "report.json" in done.stderr


def test_verify_refuses_what_is_no_onnx_file(workplace: Path, zoo_here: Zoo) -> None:
    path = workplace / "fake.onnx"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    done = zoo_here("verify", path)
    assert done.code == 4
    assert "Git LFS" in done.stderr
    plain = workplace / "plain.onnx"
    shutil.copy(workplace / "exported" / "lenet5-digits" / "model.onnx", plain)

    def forget(model: onnx.ModelProto) -> None:
        del model.metadata_props[:]

    _rewrite(plain, forget)
    done = zoo_here("verify", plain)
    assert done.code == 1
    assert "without our metadata" in done.stderr
    done = zoo_here("verify", "unknown")
    assert done.code == 2


def test_a_file_of_the_users_is_not_taken_for_the_judge(workplace: Path, zoo_here: Zoo) -> None:
    (workplace / "onnxruntime.py").write_text("raise SystemExit('I am not onnxruntime')")
    (workplace / "random.py").write_text("raise SystemExit('I am not random')")
    assert zoo_here("verify", "lenet5-digits").code == 0


def test_what_a_file_manager_leaves_is_nothing(workplace: Path, zoo_here: Zoo) -> None:
    folder = workplace / "exported" / "lenet5-digits"
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert zoo_here("verify", "lenet5-digits").code == 0
    (folder / "notes.txt").write_text("mine")
    assert zoo_here("verify", "lenet5-digits").code == 3


def test_a_report_of_a_newer_version_is_told_as_that(workplace: Path, zoo_here: Zoo) -> None:
    report = workplace / "exported" / "lenet5-digits" / "report.json"
    report.write_text(json.dumps({**json.loads(report.read_text()), "schema": 99}))
    done = zoo_here("verify", "lenet5-digits")
    assert done.code == 1
    assert "report.json has schema 99, and this version reads up to 1" in done.stderr
