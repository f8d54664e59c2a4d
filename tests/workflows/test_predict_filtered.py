"""`zoo predict` where answers are pictures or arrays: filters and features."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import BRIGHT, convolution, filter_bank
from onnx_files import write_brightness
from picture_files import half, pixels_of
from PIL import Image

from zoo_core import ZooError
from zoo_core.errors import UsageError
from zoo_core.workflows.answers.predict import predict
from zoo_core.workflows.answers.shown import eight_bit, picture_png, sheet

SOBEL = np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])


def test_edges_of_pictures_of_any_size(run_zoo: Callable[..., Any], here: Path) -> None:
    filter_bank(here, SOBEL)
    half("a.png", height=20, width=32)
    half("b.png", height=11, width=15, left=255, right=0)
    done = run_zoo("predict", "filter", "a.png", "b.png", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["shape"] for answer in done.json] == [[1, 18, 30], [1, 9, 13]]
    for name, column in (("a", 14), ("b", 5)):
        edges = pixels_of(f"{name}.filtered.png")
        # Rising or falling: an edge is white, the rest is black.
        assert (edges[:, [column, column + 1]] == 255).all()
        assert not np.delete(edges, [column, column + 1], axis=1).any()
    one = run_zoo("predict", "filter", "a.png", "--out", "edges.png")
    assert (one.code, one.stderr) == (0, "")
    assert pixels_of("edges.png").shape == (18, 30)
    predict("exported/filter", inputs=["b.png"], out="edges.npy")
    assert np.load("edges.npy").min() < 0


def test_values_from_0_to_1_stay_as_they_are(here: Path) -> None:
    filter_bank(here, np.full((1, 1, 3, 3), 1 / 9), name="blur")
    predict("exported/blur", inputs=[half("a.png", left=60, right=160)])
    blurred = pixels_of("a.filtered.png")
    assert (blurred[:, 0] == 60).all()
    assert (blurred[:, -1] == 160).all()


def test_brightness_by_hand() -> None:
    assert eight_bit(np.array([0.0, 0.2, 1.0])).tolist() == [0, 51, 255]
    assert eight_bit(np.array([0.0, 2.0, 4.0])).tolist() == [0, 128, 255]
    assert eight_bit(np.array([0.5, -1.0])).tolist() == [128, 255]
    assert eight_bit(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_channels_become_grey_rgb_or_a_sheet(here: Path) -> None:
    channels = np.arange(1, 8, dtype=np.uint8).reshape(7, 1, 1) * np.ones((7, 4, 5), np.uint8)
    assert sheet(channels[:1]).shape == (4, 5)
    assert sheet(channels[:3]).shape == (4, 5, 3)
    whole = sheet(channels)
    assert whole.shape == (3 * 4 + 2 * 2, 3 * 5 + 2 * 2)
    assert [whole[0, 0], whole[0, 7], whole[6, 0], whole[12, 0], whole[12, 7], whole[4, 0]] == [1, 2, 4, 7, 0, 0]
    two = picture_png(np.array([[[-1.0, 4]], [[0, 0.5]]]))
    with Image.open(io.BytesIO(two)) as picture:
        assert np.asarray(picture).tolist() == [[64, 255, 0, 0, 0, 128]]
    filter_bank(here, np.random.default_rng(0).normal(size=(3, 1, 2, 2)))
    predict("exported/filter", inputs=[half("a.png")])
    assert pixels_of("a.filtered.png").shape == (19, 31, 3)


def test_a_picture_too_small_for_a_filter_is_named(here: Path) -> None:
    filter_bank(here, SOBEL, sizes=("4*H", "W"))
    (row,) = predict("exported/filter", inputs=[half("odd.png", height=9)])
    assert row["error"].startswith("odd.png: ")
    assert "must be a multiple of 4" in row["error"]
    filter_bank(here, SOBEL, name="sobel")
    (row,) = predict("exported/sobel", inputs=[half("tiny.png", height=2, width=9)], out="out")
    assert "nothing would be left of so small an input: x (1, 1, 2, 9) (at least x (N, 1, 3, 3))" in row["error"]
    assert not Path("out").exists()
    (smallest,) = predict("exported/sobel", inputs=[half("small.png", height=3, width=9)], out="out")
    assert smallest["shape"] == [1, 1, 7]


def test_features_of_each_and_of_all(here: Path) -> None:
    file = write_brightness(here, task="features", labels=())
    pictures = [half("a.png"), half("b.png", left=90)]
    for answer in predict(file, inputs=pictures):
        name = Path(answer["input"]).stem
        assert answer == {"input": f"{name}.png", "file": f"{name}.features.npy", "shape": [3]}
        assert np.load(answer["file"]).shape == (3,)
    answers = predict(file, inputs=pictures, out="all.npy")
    assert [(answer["file"], answer["shape"]) for answer in answers] == [("all.npy", [2, 3])] * 2
    rows = np.load("all.npy")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[1], np.load("b.features.npy"))
    with pytest.raises(UsageError, match=r"--out all.txt: arrays are written as .npy"):
        predict(file, inputs=pictures, out="all.txt")


def test_features_of_inputs_that_failed_are_not_in_the_stack(here: Path) -> None:
    file = write_brightness(here, task="features", labels=())
    Path("bad.png").write_bytes(b"rubbish")
    answers = predict(file, inputs=[half("a.png"), "bad.png", half("b.png", left=90)], out="all.npy")
    good = [(row["input"], row["index"]) for row in answers if "error" not in row]
    assert good == [("a.png", 0), ("b.png", 1)]
    assert [row["input"] for row in answers if "error" in row] == ["bad.png"]
    assert np.load("all.npy").shape == (2, 3)


def test_arrays_of_different_shapes_are_not_stacked(here: Path) -> None:
    convolution(here, name="maps", weight=BRIGHT, task="features", labels=())
    pictures = [half("a.png"), half("b.png", height=9)]
    words = r"the outputs differ in shape: \(1, 9, 32\) for b.png, \(1, 20, 32\) for a.png"
    with pytest.raises(ZooError, match=words):
        predict("exported/maps", inputs=pictures, out="all.npy")
    assert not Path("all.npy").exists()
    assert [answer["shape"] for answer in predict("exported/maps", inputs=pictures)] == [[1, 20, 32], [1, 9, 32]]


def test_a_task_whose_output_has_another_shape_than_a_picture(here: Path) -> None:
    file = write_brightness(here, task="image-filter", labels=())
    (row,) = predict(file, inputs=[half("a.png")])
    assert row["error"].startswith("a picture has the shape (channels, height, width), not (3,)")
