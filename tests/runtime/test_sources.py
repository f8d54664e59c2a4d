"""What can be given to an exported file in Python: paths, contents, open files, pictures of Pillow, and arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import light_mask
from number_models import mean_sign
from onnx_files import GREY, write_brightness
from PIL import Image

from zoo_core import Preprocess, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.runtime import open_model

PIXELS = np.random.default_rng(3).integers(0, 256, (9, 7, 3), np.uint8)


def png(pixels: np.ndarray = PIXELS) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_a_picture_in_any_form_gives_the_same_answer(here: Path) -> None:
    model = open_model(write_brightness(here))
    Path("a.png").write_bytes(png())
    wanted = model("a.png")
    with Path("a.png").open("rb") as file:
        forms: list[Any] = [png(), bytearray(png()), memoryview(png()), io.BytesIO(png()), Image.fromarray(PIXELS)]
        for form in (*forms, PIXELS, file, Image.open("a.png"), Path("a.png")):
            assert model(form) == wanted
        together: list[Any] = [png(), io.BytesIO(png()), Image.fromarray(PIXELS), PIXELS, "a.png"]
        assert model(together) == model(item for item in together[:0]) + wanted * 5
    assert model(np.stack([PIXELS, PIXELS])) == wanted * 2
    grey = np.full((5, 4), 255, np.uint8)
    assert [answer["label"] for answer in model([grey, grey[..., None]])] == ["bright", "bright"]


def test_pictures_of_every_mode_and_orientation_are_read_by_the_same_rules(here: Path) -> None:
    recipe = Preprocess(resize=(4, 4), color="L", mean=(0.5,), std=(0.5,), interpolation="nearest")
    model = open_model(light_mask(here, preprocess=recipe, side=4))
    dark_below = np.zeros((8, 8), np.uint8)
    dark_below[:4] = 255
    turned = Image.fromarray(dark_below)
    turned.getexif()[0x0112] = 3  # upside down
    (answer,) = model(turned)
    assert answer["mask"].shape == (8, 8)
    assert not answer["mask"][:4].any()
    assert answer["mask"][4:].all()
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert model(clear)[0]["mask"].all()  # composed over white


def test_a_picture_of_pillow_is_held_to_the_limits(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(write_brightness(here))
    monkeypatch.setenv("ZOO_MAX_PIXELS", "30")
    with pytest.raises(RefusedFileError, match="picture input 0 has 7 x 9 = 0 megapixels"):
        model(Image.fromarray(PIXELS))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([PIXELS.astype(np.float32)], r"input 0: pixels are uint8, .*, not float32 of shape \(9, 7, 3\)"),
        ([PIXELS[None]], r"input 0: pixels are uint8, .* not uint8 of shape \(1, 9, 7, 3\)"),
        ([PIXELS[..., :2]], "pictures in memory have 1 or 3 channels, not 2"),
        ([io.StringIO("x")], "input 0 is a file that was opened as text, and cannot be read"),
        ([7], "input 0 is of the type int, and cannot be read"),
        (["a.png", b"rubbish"], "input 1 is not a PNG, JPEG, WEBP or BMP picture"),
        (b"", "picture input 0 is damaged: the file is empty"),
    ],
)
def test_what_is_no_picture_is_named(given: Any, words: str, here: Path) -> None:
    model = open_model(write_brightness(here, preprocess=GREY))
    Path("a.png").write_bytes(png())
    with pytest.raises(ZooError, match=words):
        model(given)


def test_numbers_in_any_form(here: Path) -> None:
    model = open_model(mean_sign(here, 3))
    table = b"a,b,c\n1,2,3\n-4,0,1\n"
    stored = io.BytesIO()
    values = np.array([[1, 2, 3], [-4, 0, 1]])
    np.save(stored, values)
    Path("t.csv").write_bytes(table)
    forms: list[Any] = [
        "t.csv",
        table,
        io.BytesIO(table),
        stored.getvalue(),
        [values],
        values,
        values.astype(np.float32),
    ]
    for form in forms:
        assert [answer["label"] for answer in model(form)] == ["high", "low"]
    assert [answer["label"] for answer in model([values[0], values[1]])] == ["high", "low"]
    with pytest.raises(ZooError, match="input 0 is a picture, and the model takes none"):
        model(Image.new("L", (3, 1)))
    with pytest.raises(ZooError, match=r"input 1 has the shape \(2,\), and the model takes \(N, 3\)"):
        model([values[0], np.zeros(2)])


def test_predictions_have_names_and_errors(here: Path) -> None:
    model = open_model(mean_sign(here, 3))
    first, second, third = model.predictions([b"1,2,3\n", b"x,y", np.zeros(3)])
    assert (first.name, first.index, first.row) == ("input 0[0]", 0, 0)
    assert (second.name, second.answer) == ("input 1", None)
    assert second.error is not None
    assert "there are no numbers in it" in second.error.message
    assert (third.index, third.row) == (2, None)
    assert third.answer is not None
