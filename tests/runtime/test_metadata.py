"""What a file says about itself: written and read back equal, and refused when it is strange."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx_files import brightness_metadata, brightness_model, write_model

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.runtime.reading.metadata import Metadata, read_metadata
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.running.model import open_model

FULL = Metadata(
    name="full",
    task="image-classification",
    labels=("straße", "猫　科", "a b"),
    inputs={"image": TensorSpec("N", 3, "16*H", "16*W", low=-1.0, high=2.5)},
    outputs={"logits": TensorSpec("N", 3), "mask": TensorSpec("N", "16*H", "H-2", dtype="float64")},
    preprocess=Preprocess(resize=256, crop=(224, 224), mean=(0.1, 0.2, 0.3), std=(1, 2, 3), color="BGR", layout="NHWC"),
    model="lenet5",
    model_plugin="zoo-core:lenet5",
    source="https://example.org/paper",
    license="Apache-2.0",
    options={"hidden": [1, 2], "size": 28, "name": None},
    dataset={"name": "digits", "plugin": "zoo-core:digits", "options": {"classes": []}, "fingerprint": "0" * 64},
    metrics={"test": {"accuracy": 0.1 + 0.2}},
    run="lenet5-digits",
    opset=20,
    untrained=True,
    versions={"torch": "2.14.1"},
    self_test={"seed": 1, "outputs": [{"values": [1e-30, -0.5]}]},
)


def test_what_is_written_is_read_back_equal() -> None:
    text = FULL.to_json()
    assert Metadata.from_json(text) == FULL
    assert text == Metadata.from_json(text).to_json(), "equal metadata, equal bytes"
    assert "straße" in text
    assert "\n" not in text


def test_the_smallest_metadata() -> None:
    text = '{"schema":1,"name":"a","task":"features","inputs":{"x":{"axes":["N",2]}},"outputs":{"y":{"axes":[2]}}}'
    metadata = Metadata.from_json(text)
    assert (metadata.labels, metadata.preprocess, metadata.dataset, metadata.untrained) == ((), None, None, False)


def test_options_in_tuples_come_back_as_lists() -> None:
    metadata = dataclasses.replace(FULL, options={"hidden": (1, 2)})
    assert Metadata.from_json(metadata.to_json()).options == {"hidden": [1, 2]}


def test_a_metric_that_is_not_finite_is_unknown() -> None:
    metadata = dataclasses.replace(FULL, metrics={"loss": float("nan")})
    assert Metadata.from_json(metadata.to_json()).metrics == {"loss": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"license": "\x1b[31mred"}, "control characters"),
        ({"labels": ("x" * 300_000,)}, "more than the 262,144"),
        ({"options": {"a": object()}}, "not JSON serializable"),
    ],
)
def test_what_could_not_be_read_is_not_written(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError) as caught:
        dataclasses.replace(FULL, **changes).to_json()
    assert "the metadata of 'full' cannot be written" in caught.value.message
    assert words in caught.value.message
    assert caught.value.exit_code == 1


def replaced(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update(changes)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.pop(name)


def recipe(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["preprocess"].update(changes)


STRANGE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no schema": (without("schema"), "schema is a version number, not None"),
    "schema 0": (replaced(schema=0), "schema is a version number, not 0"),
    "schema true": (replaced(schema=True), "schema is a version number, not True"),
    "schema 2": (replaced(schema=2), "upgrade zoo-core"),
    "unknown field": (replaced(colour="x"), "unknown field colour"),
    "missing": (without("outputs"), "outputs is missing"),
    "task": (replaced(task="mind reading"), "task: 'mind reading' is not a name"),
    "labels text": (replaced(labels="abc"), "labels is a list, not 'abc'"),
    "labels numbers": (replaced(labels=[1, 2, 3]), "labels are texts"),
    "label twice": (replaced(labels=["a", "a"]), "a label appears twice"),
    "opset bool": (replaced(opset=True), "opset is a number, not 'True'"),
    "untrained number": (replaced(untrained=1), "untrained is true or false"),
    "dataset text": (replaced(dataset="digits"), "dataset is an object or null"),
    "no inputs": (replaced(inputs={}), "inputs are empty"),
    "inputs of numbers": (replaced(inputs={"x": 3}), "has the wrong type"),
    "axes text": (replaced(inputs={"x": {"axes": "N"}}), "a list of axes"),
    "axis": (replaced(inputs={"x": {"axes": ["N*"]}}), "cannot read the axis 'N*'"),
    "axis float": (replaced(inputs={"x": {"axes": [1.5]}}), "an axis is an int or a name"),
    "dtype": (replaced(inputs={"x": {"axes": [1], "dtype": "object"}}), "unknown dtype 'object'"),
    "range": (replaced(inputs={"x": {"axes": [1], "low": "a"}}), "the range of 'x' is not a number"),
    "recipe field": (recipe(evil=1), "unknown field evil"),
    "recipe color": (recipe(color="CMYK"), "color cannot be 'CMYK'"),
    "recipe mean text": (recipe(mean=["0"]), "mean cannot be ['0']"),
    "recipe mean number": (recipe(mean=0.5), "mean cannot be 0.5"),
    "recipe mean count": (recipe(mean=[0.5, 0.5]), "mean has 2 values for 3 channels"),
    "recipe std": (recipe(std=[0]), "std cannot be 0"),
    "recipe scale": (recipe(scale="x"), "scale cannot be x"),
    "recipe size": (recipe(crop=[100_000, 100_000]), "1 to 16,384 pixels a side, not 100000"),
    "recipe resize": (recipe(resize=10**9), "1 to 16,384 pixels a side"),
    "recipe negative": (recipe(crop=[-1, 2]), "pixels a side, not -1"),
    "recipe float": (recipe(crop=[1.5, 2]), "crop is (height, width) in pixels, not (1.5, 2)"),
    "recipe one side": (recipe(crop=[2]), "crop cannot be [2]"),
    "recipe list": (replaced(preprocess=[]), "preprocess is an object or null"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_strange_metadata_are_refused(case: str, tmp_path: Path) -> None:
    change, words = STRANGE[case]
    data = json.loads(FULL.to_json())
    change(data)
    path = write_model(tmp_path / "model.onnx", brightness_model(), json.dumps(data))
    with pytest.raises(RefusedFileError) as caught:
        open_model(path)
    assert "refused (metadata): its own description cannot be read" in caught.value.message
    assert words in caught.value.message
    assert caught.value.exit_code == 4


def test_a_file_without_our_metadata(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", brightness_model())
    with pytest.raises(ZooError, match=r"model.onnx is an ONNX file without our metadata") as caught:
        read_metadata(read_onnx(path))
    assert caught.value.exit_code == 1
    assert "zoo export" in (caught.value.hint or "")


def test_braces_in_texts_are_no_depth() -> None:
    metadata = brightness_metadata(license='[[[[[[[[[[[[[[[[[[[[ " \\ {{{{')
    assert Metadata.from_json(metadata.to_json()) == metadata


# -- the metadata and the graph must agree -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {"picture": TensorSpec("N", 1, 4, 4)}}, "name the inputs picture, its graph image"),
        ({"outputs": {"logits": TensorSpec("N", 3), "b": TensorSpec(1)}}, "name the outputs logits, b"),
        ({"inputs": {"image": TensorSpec("N", 1, 4, 4, dtype="uint8")}}, "call 'image' uint8, its graph float32"),
        ({"inputs": {"image": TensorSpec("N", 1, 4)}}, "the shape (N, 1, 4), its graph (N, 1, 4, 4)"),
        ({"inputs": {"image": TensorSpec("N", 3, 4, 4)}}, "the shape (N, 3, 4, 4), its graph (N, 1, 4, 4)"),
        ({"labels": ("a", "b")}, "it has 2 labels for the 3 classes of its output 'logits'"),
    ],
)
def test_metadata_of_another_graph_are_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", brightness_model(), brightness_metadata(**changes))
    with pytest.raises(RefusedFileError) as caught:
        open_model(path)
    assert words in caught.value.message


def test_labels_are_counted_by_the_graph_where_the_metadata_leave_it_open(tmp_path: Path) -> None:
    metadata = brightness_metadata(outputs={"logits": TensorSpec("N", "K")}, labels=("a", "b"))
    with pytest.raises(RefusedFileError, match="2 labels for the 3 classes"):
        open_model(write_model(tmp_path / "model.onnx", brightness_model(), metadata))


def test_one_logit_stands_for_two_classes(tmp_path: Path) -> None:
    metadata = brightness_metadata(
        task="binary-classification", labels=("no", "yes"), outputs={"logits": TensorSpec("N", 1)}
    )
    path = write_model(tmp_path / "model.onnx", brightness_model(classes=1), metadata)
    assert open_model(path).labels == ("no", "yes")
