"""The reader in JavaScript makes the same inputs as Python, to the bit, and reads the same words: without npm."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from javascript_reader import READER, ROOT, answer, ask, pixels_for, ten_pictures, tensor_of
from node_calls import needs_node
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image

from zoo_core import Preprocess, TensorSpec
from zoo_core.preprocess import load_pictures
from zoo_core.runtime import Metadata
from zoo_core.runtime.reading.metadata_seal import SEAL, seal_of
from zoo_core.verification.expect.self_test import self_test_inputs

pytestmark = needs_node
SAMPLE = ROOT / "exported" / "lenet5-digits" / "model.onnx"
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
RECIPES: dict[str, Preprocess] = {
    **{f"{name} to 28 x 28": Preprocess(resize=(28, 28), interpolation=name, color="L") for name in FILTERS},
    **{f"{name} to 31 x 70": Preprocess(resize=(31, 70), interpolation=name) for name in FILTERS},
    "shorter side, then the middle": Preprocess(
        resize=35, crop=(32, 30), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic"
    ),
    "BGR, channels last": Preprocess(resize=(9, 11), color="BGR", layout="NHWC", scale=1.0, mean=(103.9, 116.8, 123.7)),
    "as it is": Preprocess(mean=(0.3,), std=(0.7,)),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_picture_becomes_the_same_input_to_the_bit(recipe: Preprocess, tmp_path: Path) -> None:
    pictures = ten_pictures()
    calls = []
    for number, picture in enumerate(pictures.values()):
        picture.save(tmp_path / f"{number}.png")
        shown = Image.open(tmp_path / f"{number}.png")
        if shown.mode.startswith("I"):  # as every reader of PNG makes 8 bits of 16, but Pillow
            shown = Image.fromarray(((np.asarray(shown).astype(np.uint32) + 128) // 257).astype(np.uint8))
        calls.append({"call": "prepare", "picture": pixels_for(shown), "recipe": recipe.to_json()})
    for number, (name, found) in enumerate(zip(pictures, ask(calls), strict=True)):
        expected = load_pictures([tmp_path / f"{number}.png"], recipe)
        np.testing.assert_array_equal(tensor_of(found["value"]), expected, err_msg=name)


@pytest.mark.parametrize("name", FILTERS)
def test_long_lines_and_every_size_are_resized_alike(name: str, tmp_path: Path) -> None:
    # Rounding shows in few pixels: many sizes, and lines of thousands of them.
    random = np.random.default_rng(5)
    recipes, calls = [], []
    for number in range(40):
        size = tuple(int(side) for side in random.integers(1, 90, 2))
        shape = (int(random.integers(1, 4)), 3000) if number % 10 == 0 else tuple(random.integers(1, 90, 2))
        picture = Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8))
        picture.save(tmp_path / f"{number}.png")
        recipes.append(Preprocess(resize=size, interpolation=name, color="L"))
        calls.append({"call": "prepare", "picture": pixels_for(picture), "recipe": recipes[-1].to_json()})
    for number, found in enumerate(ask(calls)):
        expected = load_pictures([tmp_path / f"{number}.png"], recipes[number])
        np.testing.assert_array_equal(tensor_of(found["value"]), expected, err_msg=str(recipes[number].resize))


def test_every_alpha_is_composed_alike(tmp_path: Path) -> None:
    values, alphas = np.mgrid[0:256, 0:256].astype(np.uint8)
    picture = Image.fromarray(np.stack([values, alphas], axis=2))
    picture.save(tmp_path / "a.png")
    recipe = Preprocess(color="L")
    found = answer(call="prepare", picture=pixels_for(picture), recipe=recipe.to_json())
    np.testing.assert_array_equal(tensor_of(found), load_pictures([tmp_path / "a.png"], recipe))


def test_a_picture_that_is_smaller_than_the_crop_is_told() -> None:
    recipe = Preprocess(crop=(30, 20)).to_json()
    (found,) = ask([{"call": "prepare", "picture": pixels_for(Image.new("L", (9, 8))), "recipe": recipe}])
    assert found["error"] == "8 x 9 pixels are fewer than the crop of 30 x 20"


def draw(dtype: str, *shape: int, low: float = -1, high: float = 1, seed: int = 10_000) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "low": low, "high": high, "seed": seed}


DRAWS = [
    draw("float32", 3, 1, 28, 28, low=-0.8855421686746987, high=1.983075157773953),
    draw("float32", 2, 7, low=0.1, high=0.1000001, seed=2**32 + 5),
    draw("float64", 3, 5),
    draw("uint8", 3, 5, 5, low=0, high=256),
    draw("uint8", 3, 200, low=0, high=256),
    draw("int64", 3, 5, low=0, high=30_000),
    draw("int64", 4, low=2.5, high=900.5),
    draw("int64", 1, low=0, high=900),
    draw("int32", 4, 1, low=-3, high=1),
    draw("int8", 3, 2, 2, low=-128, high=128),
    draw("bool", 2, 3, low=0, high=2),
    draw("bool", 5, 4, low=0, high=2),
    draw("bool", 5, 9, low=0, high=2),
    draw("bool", 4, 12, low=0, high=2),
]


@pytest.mark.parametrize("generator", ["philox-typed", "philox-uniform-24"])
def test_the_inputs_of_self_tests_are_drawn_alike(generator: str) -> None:
    found = ask([{"call": "draw", "generator": generator, "draw": one} for one in DRAWS])
    for one, drawn in zip(DRAWS, found, strict=True):
        expected = self_test_inputs({"generator": generator, "inputs": {"x": one}})["x"]
        assert drawn["value"] == expected.ravel().astype(np.float64).tolist(), one


def sealed(metadata: Metadata) -> str:
    test = {**(metadata.self_test or {}), SEAL: seal_of(metadata.to_json())}
    return dataclasses.replace(metadata, self_test=test).to_json()


ODD = brightness_metadata(
    labels=("Straße", "犬", "\U0001f415 \"quoted\" \\ 1.0 'x'"),
    metrics={"loss": 1e-07, "accuracy": 1.0, "count": 1, "large": 1e22, "less": -2.5e-3, "none": None},
    options={"b": [True, 1, [0.1, {}]], "a": {"nested": "2.50"}, "é": 3},
    inputs={"image": TensorSpec("N", 1, 4, 4, low=0, high=1.0)},
)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.onnx", brightness_model(), sealed(ODD))


def test_the_words_in_a_file_are_read_from_its_bytes(odd: Path) -> None:
    for file in (SAMPLE, odd):
        text = {each.key: each.value for each in onnx.load(file).metadata_props}["zoo"]
        assert answer(call="metadata", file=str(file)) == json.loads(text)


@pytest.mark.parametrize(("old", "new"), [('"accuracy":1.0', '"accuracy":1'), ('"scale":', '"scale":1'), ("犬", "猫")])
def test_words_that_were_changed_are_told_by_their_seal(old: str, new: str, tmp_path: Path) -> None:
    text = sealed(ODD)
    assert text.count(old) == 1
    file = write_model(tmp_path / "model.onnx", brightness_model(), text.replace(old, new), known=False)
    (found,) = ask([{"call": "metadata", "file": str(file)}])
    assert found["error"] == "labels, preprocessing or other words of the file are not those of the export"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda whole: whole[: len(whole) // 2], "this is no ONNX file, or it is cut short"),
        (lambda _: b"# A page\n", "this is no ONNX file, or it is cut short"),
        (lambda _: b"\xff" * 40, "this is no ONNX file, or it is cut short"),
        (lambda _: b"", "this ONNX file has no metadata of the zoo; `zoo export` writes files that have them"),
    ],
    ids=["half", "a page", "all ones", "nothing"],
)
def test_what_is_no_export_is_told(content: Callable[[bytes], bytes], says: str, tmp_path: Path) -> None:
    tmp_path.joinpath("model.onnx").write_bytes(content(SAMPLE.read_bytes()))
    (found,) = ask([{"call": "metadata", "file": str(tmp_path / "model.onnx")}])
    assert found["error"] == says


def test_the_reader_is_small() -> None:
    code = re.compile(r"^\s*(//.*|/\*\*.*)?$")
    parts = ("zoo", "metadata", "numbers", "picture")
    lines = [line for part in parts for line in READER.joinpath(f"{part}.js").read_text().splitlines()]
    assert len([line for line in lines if not code.match(line)]) < 150
