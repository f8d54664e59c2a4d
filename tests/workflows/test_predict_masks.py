"""`zoo predict` of masks: palettes of class numbers, in the size of the picture; and where they are written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import convolution, light_mask
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, graph_model, write_model
from picture_files import half, pixels_of
from PIL import Image

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.errors import UsageError
from zoo_core.runtime.running.model import open_model
from zoo_core.workflows.answers.predict import predict
from zoo_core.workflows.answers.shown import class_color, mask_png, sequence_csv


def test_a_mask_is_a_palette_picture_of_class_numbers_in_the_size_of_the_picture(here: Path) -> None:
    light_mask(here)
    (answer,) = predict("exported/light", inputs=[half("in/photo.jpg")])
    assert answer == {"input": "in/photo.jpg", "file": "photo.mask.png", "shape": [20, 32]}
    with Image.open("photo.mask.png") as picture:
        assert picture.mode == "P"
        assert picture.convert("RGB").getpixel((31, 0)) == class_color(1)
    mask = pixels_of("photo.mask.png")
    assert mask.dtype == np.uint8
    assert not mask[:, :16].any()
    assert (mask[:, 16:] == 1).all()
    assert [path.name for path in here.iterdir() if path.name.startswith(".")] == []


def test_masks_of_several_classes_and_as_numbers(here: Path) -> None:
    weight = np.array([0.0, 8, 20], np.float32).reshape(3, 1, 1, 1)
    file = convolution(here, name="three", weight=weight, sizes=("H", "W"), labels=("a", "b", "c"))
    picture = half("photo.png", left=0, right=255)
    predict(file, inputs=[picture])
    assert sorted(set(pixels_of("photo.mask.png").ravel().tolist())) == [0, 2]
    (answer,) = predict(file, inputs=[picture], out="masks/numbers.npy")
    np.testing.assert_array_equal(np.load("masks/numbers.npy"), pixels_of("photo.mask.png"))
    assert answer["file"] == "masks/numbers.npy"


def test_a_recipe_that_crops_gives_masks_of_the_crop(here: Path) -> None:
    recipe = Preprocess(resize=8, crop=(8, 8), color="L", interpolation="nearest")
    light_mask(here, preprocess=recipe)
    (answer,) = predict("exported/light", inputs=[half("photo.png")])
    assert answer["shape"] == [8, 8]


def test_a_model_that_makes_masks_smaller_gives_them_so_unless_the_picture_was_resized(here: Path) -> None:
    weight = np.zeros((1, 1, 3, 3), np.float32)
    weight[0, 0, 1, 1] = 8
    convolution(here, name="own-size", weight=weight, bias=-4)
    (answer,) = predict("exported/own-size", inputs=[half("photo.png")])
    assert answer["shape"] == [18, 30]
    assert (pixels_of("photo.mask.png")[:, 15:] == 1).all()


def test_shapes_that_are_no_masks() -> None:
    with pytest.raises(ZooError, match=r"a mask picture has rows and columns, not the shape \(4,\)"):
        mask_png(np.zeros(4, np.uint8))
    with pytest.raises(ZooError, match="the model gives 3 places for a sequence of 4"):
        sequence_csv(np.zeros((4, 1)), np.zeros(3), np.zeros(3))


def test_python_gets_masks_and_probabilities(here: Path) -> None:
    model = open_model(light_mask(here))
    (answer,) = model([half("photo.png")])
    assert answer["mask"].shape == answer["probability"].shape == (20, 32)
    assert answer["probability"].min() > 0.98
    (prepared,) = model(np.ones((1, 1, 8, 8), np.float32))
    assert (prepared["mask"] == 1).all()
    assert model([]) == []


def test_many_pictures_into_a_folder(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    for name in ("b.png", "a.png"):
        half(f"photos/{name}")
    done = run_zoo("predict", "light", "photos", "--out", "made/masks", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json == [
        {"input": f"photos/{name}.png", "file": f"made/masks/{name}.mask.png", "shape": [20, 32]} for name in "ab"
    ]
    Path("made/masks/a.mask.png").write_bytes(b"old")
    again = run_zoo("predict", "light", "photos/a.png", "--out", "made/masks")
    assert (again.code, again.stderr) == (0, "")
    lines = again.stdout.splitlines()
    assert lines[0].split() == ["INPUT", "SHAPE", "FILE"]
    assert lines[1].split() == ["photos/a.png", "20", "x", "32", "made/masks/a.mask.png"]
    assert lines[-1] == "Next: zoo verify exported/light/model.onnx", "it has no report"
    assert pixels_of("made/masks/a.mask.png").shape == (20, 32)


def test_one_bad_picture_among_many_gets_no_mask(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    half("photos/a.png")
    half("photos/deep/c.png")
    Path("photos/b.png").write_bytes(Path("photos/a.png").read_bytes()[:50])
    done = run_zoo("predict", "light", "photos", "--out", "made/masks", "--json")
    assert done.code == 1
    assert [row.get("file") for row in done.json] == ["made/masks/a.mask.png", None, "made/masks/deep/c.mask.png"]
    assert "b.png is damaged" in done.json[1]["error"]
    assert sorted(path.name for path in Path("made").rglob("*.*")) == ["a.mask.png", "c.mask.png"]
    Path("none").mkdir()
    assert run_zoo("predict", "light", "none", "--out", "never").code == 1
    assert not Path("never").exists()


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_a_table_of_results_names_the_masks(name: str, run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    half("photos/a.png")
    Path("photos/b.png").write_bytes(b"")
    done = run_zoo("predict", "light", "photos", "--out", f"made/{name}")
    assert done.code == 1
    assert done.stdout.startswith(f"1 of 2 predicted: made/{name}\n")
    text = Path(f"made/{name}").read_text()
    if name.endswith(".csv"):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert rows[0] == {
            "input": "photos/a.png",
            "file": "made/a.mask.png",
            "shape": "20 x 32",
            "picture": "",
            "error": "",
        }
    else:
        rows = [json.loads(line) for line in text.splitlines()]
        assert rows[0] == {"input": "photos/a.png", "file": "made/a.mask.png", "shape": [20, 32]}
    assert "the file is empty" in rows[1]["error"]
    assert pixels_of("made/a.mask.png").shape == (20, 32)


@pytest.mark.parametrize(
    ("inputs", "out", "words"),
    [
        (["a.png"], "mask.jpg", r"--out mask.jpg: masks are written as .png or .npy"),
        (["a.png", "b.png"], "mask.png", "--out mask.png is one file, for 2 inputs"),
        (["a.png"], "a.png", "a.png is an input, and would be overwritten"),
        (["in/a.png"], "in/../in/a.png", "is an input, and would be overwritten"),
        (["a.png"], "taken", "taken/a.mask.png is a folder, but a file of that name would be written"),
    ],
)
def test_out_that_does_not_fit(inputs: list[str], out: str, words: str, here: Path) -> None:
    light_mask(here)
    for path in ("a.png", "b.png", "in/a.png"):
        half(path)
    before = Path("a.png").read_bytes()
    Path("taken/a.mask.png").mkdir(parents=True)
    with pytest.raises(UsageError, match=words):
        predict("exported/light", inputs=inputs, out=out)
    assert Path("a.png").read_bytes() == before
    assert not Path("masks").exists()


def test_inputs_of_one_name_have_a_file_each(here: Path) -> None:
    light_mask(here)
    names = ["a.png", "in/a.png", "a-2.png", "a.bmp", "in/b.png"]
    for path in names:
        half(path)
    rows = predict("exported/light", inputs=names, out="masks")
    expected = {"a.png": "a", "in/a.png": "a-3", "a-2.png": "a-2", "a.bmp": "a-4", "in/b.png": "b"}
    assert {row["input"]: row["file"] for row in rows} == {
        name: f"masks/{stem}.mask.png" for name, stem in expected.items()
    }
    assert sorted(path.name for path in Path("masks").iterdir()) == sorted(f"{n}.mask.png" for n in expected.values())


def test_a_folder_that_cannot_be_written(here: Path) -> None:
    light_mask(here)
    half("a.png")
    Path("file").write_text("x")
    with pytest.raises(ZooError, match=r"file/masks/a.mask.png cannot be written: file is a file, not a folder"):
        predict("exported/light", inputs=["a.png"], out="file/masks")
    with pytest.raises(ZooError, match=r"file/mask.png cannot be written: file is a file, not a folder"):
        predict("exported/light", inputs=["a.png"], out="file/mask.png")


@pytest.mark.parametrize(
    ("task", "needed"),
    [
        ("detection", "boxes, scores and labels, or boxes and logits; they are: logits"),
        ("keypoints", "boxes, scores and labels, or boxes and logits; they are: logits"),
        ("instance-segmentation", "boxes, scores and labels, or boxes and logits; they are: logits"),
        ("optical-flow", "a flow (N, 2, H, W), not (1, 1, 8, 8)"),
    ],
)
def test_outputs_of_another_task(task: str, needed: str, run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here, task=task)
    half("a.png")
    done = run_zoo("predict", "light", "a.png", "--out", "masks")
    assert (done.code, done.stdout) == (1, "")
    assert f"{task} needs " in done.stderr
    assert needed in done.stderr.splitlines()[0]
    assert not Path("masks").exists()


@pytest.mark.parametrize("squeezed", [True, False])
def test_one_logit_gives_two_labels(squeezed: bool, run_zoo: Callable[..., Any], here: Path) -> None:
    shape = ["N"] if squeezed else ["N", 1]
    model = graph_model(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Reshape", ["mean", "shape"], ["column"]),
            helper.make_node("Mul", ["column", "slope"], ["logits"]),
        ],
        inputs=[helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 4, 4])],
        outputs=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        tensors=[
            numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
            numpy_helper.from_array(np.array([-1] if squeezed else [-1, 1]), "shape"),
            numpy_helper.from_array(np.array(8, np.float32), "slope"),
        ],
    )
    metadata = brightness_metadata(
        name="day", task="binary-classification", labels=("night", "day"), outputs={"logits": TensorSpec(*shape)}
    )
    write_model(here / "exported" / "day" / "model.onnx", model, metadata)
    half("dark.png", right=0)
    half("light.png", left=255)
    done = run_zoo("predict", "day", "dark.png", "light.png", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["label"] for answer in done.json] == ["night", "day"]
    assert all(set(answer["probabilities"]) == {"night", "day"} for answer in done.json)
    assert all(answer["probability"] > 0.99 for answer in done.json)
