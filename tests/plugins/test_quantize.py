"""`zoo quantize` on the finished sample: what is published, what is walked back, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_files import brightness_metadata, brightness_model, write_model
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from PIL import Image
from shared import shared
from warm import Result, run_to_success

from zoo_core import open_zoo
from zoo_core.data import bind_dataset
from zoo_core.runtime import open_model, read_metadata, read_onnx

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"
LEVELS = ("all", "extended", "basic", "none")
DIGITS = "lenet5-digits"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, own_folders: None) -> Path:
    """A folder with `told.json`, `trade-off.png` and the three exports made of the sample; read only."""

    def make(folder: Path) -> None:
        asked = ("--trusted", "--picture", "trade-off.png", "--json")
        done = run_to_success("quantize", SAMPLE, *asked, cwd=folder)
        folder.joinpath("told.json").write_text(done.stdout)

    return shared(tmp_path_factory, "quantized", make)


@pytest.fixture
def told(made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.joinpath("told.json").read_text())
    return found


def report_of(export: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export.joinpath("report.json").read_text(encoding="utf-8"))
    return found


def digit_rows() -> np.ndarray:
    samples = bind_dataset(open_zoo().dataset("digits"), {}).load("validation")
    rows: np.ndarray = samples.arrays(slice(0, 24))["image"]
    return rows


def test_three_ways_are_measured_and_published(made: Path, told: dict[str, Any]) -> None:
    rows = {row["kind"]: row for row in told["rows"]}
    assert list(rows) == ["fp16", "int8-dynamic", "int8-static"]
    names = ["lenet5-digits-fp16", "lenet5-digits-int8-dynamic", "lenet5-digits-int8"]
    assert [row["name"] for row in rows.values()] == names
    assert (told["metric"], told["better"], told["n"], told["allowed"]) == ("accuracy", "more", 180, 0.005)
    for row, most in zip(rows.values(), (0.52, 0.3, 0.32), strict=True):
        assert row["published"] == f"exported/{row['name']}"
        assert row["why"] == ""
        assert row["drop"] <= told["allowed"]
        assert (row["decisions"], row["float_nodes"], row["nodes"]) == (180, [], 5)
        assert row["bytes"] == (made / row["published"] / "model.onnx").stat().st_size < most * told["float"]["bytes"]
        assert row["p50_s"] > 0 < row["time_ratio"]
    with Image.open(made / "trade-off.png") as drawn:
        assert drawn.size[0] > 1000


def test_each_is_an_export_of_its_own_that_says_what_it_was_made_of(made: Path, told: dict[str, Any]) -> None:
    for row in told["rows"]:
        folder = made / row["published"]
        report, metadata = report_of(folder), read_metadata(read_onnx(folder / "model.onnx"))
        assert (report["name"], report["outcome"], metadata.name) == (row["name"], "verified", row["name"])
        assert report["quantized"]["made_of"] == {"name": DIGITS, "sha256": told["sha256"]}
        assert report["quantized"]["measured"]["metrics"] == row["metrics"]
        assert metadata.metrics == {f"validation {name}": value for name, value in row["metrics"].items()}
        inside = onnx.load(folder / "model.onnx")
        assert json.loads({each.key: each.value for each in inside.metadata_props}["quantized"])["kind"] == row["kind"]
        assert told["sha256"] in (folder / "README.md").read_text(encoding="utf-8")
        rules = {check["rule"]: check["outcome"] for check in report["checks"]}
        assert rules["self-test"] == rules["test vectors"] == rules["sensitivity"] == rules["files"] == "passed"
        levels = {check["detail"].partition(":")[0] for check in report["checks"] if check["rule"] == "self-test"}
        assert {"optimised, 1 thread", "not optimised, 1 thread"} <= levels


def test_other_verbs_take_it_as_any_export(made: Path, run_zoo: Zoo) -> None:
    listed = run_zoo("list", "exports", cwd=made)
    assert "lenet5-digits-int8" in listed.stdout
    measured = run_zoo("eval", "export:lenet5-digits-int8", "--split", "validation", "--json", cwd=made)
    report = report_of(made / "exported" / "lenet5-digits-int8")
    assert measured.json["metrics"] == report["quantized"]["measured"]["metrics"]
    found = run_zoo("diff", SAMPLE, "lenet5-digits-int8", "--json", cwd=made)
    assert found.json["graph"] is not None
    verified = run_zoo("verify", "lenet5-digits-int8-dynamic", cwd=made)
    assert verified.code == 0, verified.stdout


def test_whole_numbers_give_the_same_bits_at_every_level(made: Path) -> None:
    folder = made / "exported" / "lenet5-digits-int8"
    proto = onnx.load(folder / "model.onnx")
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    scales = np.concatenate([np.atleast_1d(value) for name, value in stored.items() if name.endswith("_scale")])
    assert np.array_equal(np.log2(scales) % 1, np.zeros(len(scales)))
    assert all(np.abs(value.astype(int)).max() <= 64 for value in stored.values() if value.dtype == np.int8)
    rows, found = digit_rows(), []
    for level in LEVELS:
        with open_model(folder, optimization=level, isolated=False) as model:
            found.append(model.run({"image": rows})["logits"])
    assert all(np.array_equal(found[0], each) for each in found[1:])


def test_a_row_of_a_dynamic_file_does_not_depend_on_its_company(made: Path) -> None:
    folder = made / "exported" / "lenet5-digits-int8-dynamic"
    rows = digit_rows()
    loud = np.concatenate([rows, 1000 * rows[:1]])  # beside which the others would have no steps left
    found = []
    for level in LEVELS:
        with open_model(folder, optimization=level, isolated=False) as model:
            found.append(model.run({"image": loud})["logits"][:-1])
            alone = np.concatenate([model.run({"image": row[None]})["logits"] for row in rows])
            assert np.array_equal(found[-1], alone), level
    assert all(np.array_equal(found[0], each) for each in found[1:])


def zero_weights(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """From now on onnxruntime's quantizer gives weights that are all zero: those of these names, or all of them."""
    honest = QDQQuantizer.quantize_model

    def sabotaged(self: Any) -> Any:
        made = honest(self)
        for tensor in self.model.model.graph.initializer:
            name = tensor.name.removesuffix("_quantized")
            if name != tensor.name and name.endswith(".weight") and (not names or name in names):
                tensor.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(tensor)), tensor.name))
        return made

    monkeypatch.setattr(QDQQuantizer, "quantize_model", sabotaged)


STATIC = ("quantize", str(SAMPLE), "--only", "int8-static", "--trusted", "--samples", "64")


def test_a_file_at_chance_is_refused(zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What peers publish with "completed successfully": it loads, it runs, and it has learnt nothing.
    zero_weights(monkeypatch)
    done = zoo_here(*STATIC)
    assert done.code == 1
    assert "REFUSED" in done.stdout
    assert "lenet5-digits-int8 is not published: accuracy is 0.1" in done.stdout
    assert "even with all but one of 5 nodes float" in done.stdout
    assert not (tmp_path / "exported").exists() or not list((tmp_path / "exported").iterdir())


def test_the_node_that_costs_most_is_walked_back_alone(
    zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    zero_weights(monkeypatch, "conv2.weight")
    done = zoo_here(*STATIC, "--json")
    assert done.code == 0, done.stderr
    (row,) = done.json["rows"]
    assert row["float_nodes"] == ["node_conv2d_1"]
    assert row["drop"] <= 0.005
    folder = tmp_path / row["published"]
    assert "node_conv2d_1" in (folder / "README.md").read_text(encoding="utf-8")
    assert report_of(folder)["quantized"]["float_nodes"] == ["node_conv2d_1"]


@pytest.mark.slow
def test_a_file_that_differs_from_its_graph_is_refused(
    zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The metric sees nothing of a logit that is off by a little in every row: the self-test at every level does.
    honest = onnx.reference.ReferenceEvaluator.__init__

    def other_bias(self: Any, proto: Any, *arguments: Any, **options: Any) -> None:
        for tensor in proto.graph.initializer:
            if tensor.name == "fc3.bias_quantized":
                moved = numpy_helper.to_array(tensor) + 1
                tensor.CopyFrom(numpy_helper.from_array(moved.astype(np.int32), tensor.name))
        honest(self, proto, *arguments, **options)

    monkeypatch.setattr(onnx.reference.ReferenceEvaluator, "__init__", other_bias)
    done = zoo_here(*STATIC)
    assert done.code == 1
    assert "lenet5-digits-int8 is not published: zoo verify says failed: self-test: " in done.stdout
    assert not list((tmp_path / "exported").iterdir())


HALF = ("quantize", str(SAMPLE), "--only", "fp16", "--trusted")


def test_what_is_no_earlier_export_is_not_replaced(zoo_here: Zoo, tmp_path: Path) -> None:
    target = tmp_path / "exported" / "lenet5-digits-fp16"
    target.mkdir(parents=True)
    target.joinpath("mine.txt").write_text("mine")
    done = zoo_here(*HALF)
    assert (done.code, target.joinpath("mine.txt").read_text()) == (1, "mine")
    assert "exists, is not empty and is not an earlier export, so it is not replaced" in done.stderr
    shutil.rmtree(target)
    target.write_text("a file")
    assert "is there already, and is no folder" in zoo_here(*HALF).stderr


@pytest.mark.slow
def test_an_earlier_export_is_replaced_by_the_same_bytes(made: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    target = tmp_path / "exported" / "lenet5-digits-fp16"
    shutil.copytree(made / "exported" / target.name, target)
    target.joinpath("README.md").write_text("changed")
    done = zoo_here(*HALF)
    assert (done.code, "lenet5-digits-fp16: the export that was there is replaced" in done.stderr) == (0, True)
    for name in ("README.md", "model.onnx"):
        assert target.joinpath(name).read_bytes() == (made / "exported" / target.name / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--dataset", "digitz"), 2, "unknown dataset 'digitz'"),
        (("--dataset", "peaks"), 1, "peaks"),
        (("--picture", "trade-off.jpg"), 2, "a picture is written as PNG"),
        (("--only", "int4"), 2, "'int4' is not one of"),
        (("--max-drop", "-1"), 2, "-1.0 is not in the range"),
    ],
)
def test_what_cannot_be(words: tuple[str, ...], code: int, said: str, run_zoo: Zoo) -> None:
    done = run_zoo("quantize", SAMPLE, "--trusted", *words)
    assert (done.code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_file_that_this_machine_does_not_know(run_zoo: Zoo, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    model = onnx.load(SAMPLE / "model.onnx")
    model.producer_name = "somebody else"
    onnx.save(model, other)
    done = run_zoo("quantize", other)
    assert done.code == 1
    assert "this machine does not know" in done.stderr
    assert "zoo verify" in done.stderr


def test_a_file_that_is_quantized_already(made: Path, run_zoo: Zoo) -> None:
    done = run_zoo("quantize", "lenet5-digits-int8", "--trusted", cwd=made)
    assert done.code == 2
    assert "is quantized already: it has DequantizeLinear" in done.stderr


def test_a_file_with_an_old_opset_and_one_without_a_self_test(run_zoo: Zoo, tmp_path: Path) -> None:
    old = write_model(tmp_path / "old.onnx", brightness_model(opset=12, seed=1), brightness_metadata(opset=12))
    done = run_zoo("quantize", old, "--trusted", "--dataset", "digits")
    assert done.code == 1
    assert "has opset 12, and a scale for each channel needs 13 or later" in done.stderr
    bare = write_model(tmp_path / "bare.onnx", brightness_model(seed=1), brightness_metadata())
    done = run_zoo("quantize", bare, "--trusted", "--dataset", "digits")
    assert done.code == 1
    assert "holds no self-test, whose inputs a smaller file could be tried with" in done.stderr


def test_without_the_onnx_package(run_zoo: Zoo, tmp_path: Path) -> None:
    block = tmp_path / "block"
    block.mkdir()
    block.joinpath("sitecustomize.py").write_text(
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'onnx':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
    )
    done = run_zoo("quantize", SAMPLE, env={"PYTHONPATH": str(block)}, cold=True)
    assert done.code == 1
    assert "[quantize]" in done.stderr
