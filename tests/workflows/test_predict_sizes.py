"""Inputs of a size that a model does not take: the error says which size near to it would fit, and how to get there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mask_files import BRIGHT, convolution
from number_models import mean_sign
from PIL import Image

from zoo_core import Preprocess
from zoo_core.runtime import open_model

RunZoo = Callable[..., Any]
GREY = Preprocess(color="L", mean=(0.5,), std=(0.5,))


def error_of(run_zoo: RunZoo, *words: str) -> str:
    done = run_zoo("predict", *words, "--json")
    assert done.code == 1
    return str(done.json[0]["error"])


def test_a_picture_is_told_the_nearest_size(here: Path, run_zoo: RunZoo) -> None:
    mean_sign(here, 1, "8*H", "8*W", preprocess=GREY, largest={"W": 5})
    for size, fitting in (((30, 20), "32 x 16"), ((29, 21), "32 x 24"), ((3, 3), "8 x 8"), ((90, 16), "40 x 16")):
        Image.new("L", size).save("a.png")
        told = f"(resize or pad it: {fitting} pixels (width x height) would fit)"
        assert error_of(run_zoo, "signs", "a.png").endswith(told)


def test_what_comes_has_the_size_that_was_told(here: Path, run_zoo: RunZoo) -> None:
    mean_sign(here, 1, "8*H", "8*W", preprocess=GREY)
    Image.new("L", (32, 16), 200).save("a.png")
    assert run_zoo("predict", "signs", "a.png", "--json").json[0]["label"] == "high"


def test_masks_and_pictures_are_told_of_tiles_that_work(here: Path, run_zoo: RunZoo) -> None:
    file = convolution(here, name="light", weight=BRIGHT, bias=-4, sizes=("8*H", "8*W"))
    Image.new("L", (30, 20)).save("a.png")
    told = error_of(run_zoo, "light", "a.png")
    assert told.endswith("; or --tile 16, which takes a picture in its own size)")
    assert run_zoo("predict", "light", "a.png", "--tile", "16").code == 0
    (prediction,) = open_model(file).predictions([Path("a.png")])
    assert "or predictions(..., tiling=Tiling(size=16, overlap=4))" in str(prediction.error and prediction.error.hint)


def test_numbers_are_cut_or_padded(here: Path, run_zoo: RunZoo) -> None:
    mean_sign(here, 1, "16*L")
    np.save("a.npy", np.zeros((1, 30), np.float32))
    assert error_of(run_zoo, "signs", "a.npy").endswith("(cut or pad it: x (1, 32) would fit)")
