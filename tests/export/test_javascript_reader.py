"""The reader in JavaScript with onnxruntime-web: files test themselves, and answers are those of Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from foreign_readers import FILES, NODE_PACKAGES, missing
from javascript_reader import READER, ROOT, ask, ten_pictures, tensor_of
from onnx import TensorProto, helper, numpy_helper
from onnx_files import write_model
from shared import shared
from warm import run_to_success

from zoo_core import TensorSpec
from zoo_core.preprocess import load_pictures
from zoo_core.runtime import Metadata, open_model
from zoo_core.verification.expect.self_test import input_draws, self_test_inputs

pytestmark = pytest.mark.slow
SAMPLE = ROOT / "exported" / "lenet5-digits" / "model.onnx"
DIGITS = sorted(ROOT.glob("zoo_plugins/digits/samples/*.png"))


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A copy of the example, with its packages, as `npm install` leaves them there."""
    if why := missing("onnxruntime-web"):
        pytest.skip(why)
    if not NODE_PACKAGES.joinpath("pngjs").is_dir():
        pytest.skip("pngjs is not installed: make foreign-readers")
    copy = shutil.copytree(READER, tmp_path / "reader", ignore=shutil.ignore_patterns("node_modules"))
    copy.joinpath("node_modules").symlink_to(NODE_PACKAGES)
    return copy


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = []
    for number, picture in enumerate(ten_pictures().values()):
        picture.save(tmp_path / f"{number}.png")
        paths.append(tmp_path / f"{number}.png")
    return paths


def test_ten_pictures_have_the_inputs_and_the_answers_of_python(reader: Path, pictures: list[Path]) -> None:
    paths = [*pictures, *DIGITS]
    (found,) = ask([{"call": "predict", "file": str(SAMPLE), "pictures": list(map(str, paths))}], reader=reader)
    model = open_model(SAMPLE)
    assert model.metadata.preprocess is not None
    for path, ours, theirs in zip(paths, model(paths), found["value"], strict=True):
        np.testing.assert_array_equal(tensor_of(theirs), load_pictures([path], model.metadata.preprocess), path.name)
        assert theirs["label"] == ours["label"]
        for label, probability in theirs["probabilities"]:
            assert probability == pytest.approx(ours["probabilities"][label], abs=1e-5)
        assert theirs["probability"] == theirs["probabilities"][0][1]


def test_a_file_that_prepares_its_pictures_is_given_them_as_they_are(
    reader: Path, pictures: list[Path], workplace: Path
) -> None:
    run_to_success("export", "lenet5-digits", "--bake-preprocess", cwd=workplace)
    file = workplace / "exported" / "lenet5-digits-baked" / "model.onnx"
    (found,) = ask([{"call": "predict", "file": str(file), "pictures": list(map(str, pictures))}], reader=reader)
    for ours, theirs in zip(open_model(file)(pictures), found["value"], strict=True):
        assert theirs["label"] == ours["label"]
        assert theirs["probability"] == pytest.approx(ours["probability"], abs=1e-5)


def predicted(reader: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What a user types."""
    return subprocess.run(
        ["node", "predict.js", *map(str, arguments)], cwd=reader, capture_output=True, encoding="utf-8", timeout=120
    )


def test_the_program_tells_classes(reader: Path) -> None:
    done = predicted(reader, SAMPLE, *DIGITS)
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == "lenet5-digits: self-test passed"
    assert [line.split()[1] for line in lines] == ["5", "9", "7", "3", "2", "0"]


def test_a_weight_with_another_exponent_is_told_before_any_answer(reader: Path, tmp_path: Path) -> None:
    model = onnx.load(SAMPLE)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "conv1.weight")
    values = numpy_helper.to_array(weight).copy()
    values.view(np.uint32).reshape(-1)[7] ^= 1 << 26  # 16 times as large, or as small
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, tmp_path / "model.onnx")
    done = predicted(reader, tmp_path / "model.onnx", DIGITS[0])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the self-test failed: logits is off by ")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((SAMPLE,), 2, "Usage: node predict.js MODEL.onnx PICTURE.png..."),
        ((ROOT / "README.md", DIGITS[0]), 1, "Error: this is no ONNX file, or it is cut short"),
        (("nowhere.onnx", DIGITS[0]), 1, "Error: ENOENT: no such file or directory, open 'nowhere.onnx'"),
    ],
    ids=["no picture", "no model", "no file"],
)
def test_the_program_says_what_is_wrong(arguments: tuple[str | Path, ...], code: int, says: str, reader: Path) -> None:
    done = predicted(reader, *arguments)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (code, "", says)


def test_the_program_says_which_picture_is_wrong(reader: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    done = predicted(reader, SAMPLE, DIGITS[0], bad)
    assert (done.returncode, done.stderr.startswith(f"Error: {bad}: ")) == (1, True), done.stderr


def self_tested(folder: Path, inputs: Mapping[str, TensorSpec], wrong: float = 0.0) -> Path:
    """A file that adds up what its inputs hold, with the self-test that onnxruntime answers, off by `wrong`."""
    nodes = [
        node
        for name in inputs
        for node in (
            helper.make_node("Cast", [name], [f"{name} float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", [f"{name} float", "axis"], [f"{name} sum"], keepdims=0),
        )
    ]
    nodes.append(helper.make_node("Sum", [f"{name} sum" for name in inputs], ["total"]))
    kinds = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
    first = next(iter(inputs.values())).axes[0]
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info(name, kinds[one.dtype], list(one.axes)) for name, one in inputs.items()],
        [helper.make_tensor_value_info("total", TensorProto.FLOAT, [first])],
        [numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    draws = input_draws(
        {name: (3, *one.axes[1:]) for name, one in inputs.items()},
        ranges=dict.fromkeys(inputs, (0.0, 7.0)),
        dtypes={name: one.dtype for name, one in inputs.items()},
        seed=10_000,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    drawn = self_test_inputs(draws)
    steps = [slice(None)] if first == "N" else [slice(row, row + 1) for row in range(3)]
    sums = [session.run(None, {name: value[step] for name, value in drawn.items()})[0] for step in steps]
    expected = {"shape": [3], "positions": [0, 1, 2], "expected": (np.concatenate(sums) + wrong).tolist()}
    test = {**draws, "outputs": {"total": {**expected, "bound": 1e-4, "floor": 1e-6}}}
    metadata = Metadata(
        name="sums", task="features", inputs=inputs, outputs={"total": TensorSpec(first)}, self_test=test, opset=20
    )
    return write_model(folder / "model.onnx", model, metadata, known=False)


@pytest.mark.parametrize("first", ["N", 1])
def test_inputs_of_every_kind_are_drawn_and_run(first: Any, reader: Path, tmp_path: Path) -> None:
    inputs = {
        "numbers": TensorSpec(first, 5),
        "places": TensorSpec(first, 9, dtype="int64", low=0, high=7),
        "shown": TensorSpec(first, 9, dtype="bool"),
    }
    good = self_tested(tmp_path, inputs)
    assert ask([{"call": "predict", "file": str(good), "pictures": []}], reader=reader) == [{"value": []}]
    (found,) = ask(
        [{"call": "predict", "file": str(self_tested(tmp_path, inputs, wrong=1.0)), "pictures": []}], reader=reader
    )
    assert found["error"].startswith("the self-test failed: total is off by ")


@pytest.mark.parametrize("name", FILES)
def test_what_the_zoo_exports_tests_itself(name: str, reader: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    from foreign_models import export_for_readers

    bundle = shared(tmp_path_factory, f"foreign-{name}", lambda folder: export_for_readers(name, folder)) / name
    (found,) = ask([{"call": "predict", "file": str(bundle / "model.onnx"), "pictures": []}], reader=reader)
    refusal = {"error": "the file holds no self-test that this reader knows"}  # of models that choose rows
    assert found == (refusal if name == "detector" else {"value": []})


def test_the_example_needs_what_the_tests_install() -> None:
    needed = json.loads(READER.joinpath("package.json").read_text())["dependencies"]
    installer = ROOT.joinpath(".ci", "node-readers").read_text()
    assert f'packages="{" ".join(f"{name}@{number}" for name, number in needed.items())}"' in installer


def test_the_page_works_from_any_static_host(reader: Path, served: tuple[Path, str], browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    folder, address = served
    shutil.copytree(reader, folder / "page", symlinks=True)
    folder.joinpath("damaged.onnx").write_bytes(SAMPLE.read_bytes()[:9000])

    def element(name: str) -> Any:
        return browser.find_element(By.ID, name)

    def choose(name: str, file: Path, says: str) -> None:
        element(name).send_keys(str(file))
        WebDriverWait(browser, 60).until(lambda _: says in element("told").text, element("told").text)

    browser.get(f"{address}page/index.html")
    choose("model", folder / "damaged.onnx", "Error: this is no ONNX file, or it is cut short")
    assert not element("picture").is_enabled()
    choose("model", SAMPLE, "lenet5-digits: self-test passed. Choose a picture.")
    choose("picture", DIGITS[0], "five.png: 5")
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#answer tr")]
    assert (rows[0], len(rows)) == ("5 99.9 %", 5)
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert loaded
    assert all(each.startswith((address, "blob:")) for each in loaded)
