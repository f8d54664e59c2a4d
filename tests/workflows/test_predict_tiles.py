"""`zoo predict --tile`: pictures larger than a model takes, joined of tiles without a seam, in bounded memory."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import convolution, light_mask
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_brightness, write_model
from picture_files import half, pixels_of
from PIL import Image

from zoo_core import Preprocess, TensorSpec, UsageError, ZooError
from zoo_core.runtime import Tiling, open_model
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.workflows.answers.predict import predict


def blur(folder: Path, *, reach: int, side: int | str = "H", factor: int = 1, task: str = "image-to-image") -> Path:
    """An export whose picture is a mean over (2 reach + 1)^2 pixels, zeros beyond the edge, `factor` times as large."""
    width: int | str = side if isinstance(side, int) else "W"
    kernel = np.random.default_rng(0).random((1, 1, 2 * reach + 1, 2 * reach + 1)).astype(np.float32)
    kernel /= kernel.sum()
    scales = np.array([1, 1, factor, factor], np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["blurred"], pads=[reach] * 4),
        helper.make_node("Resize", ["blurred", "", "scales"], ["picture"], mode="nearest"),
    ]
    larger = [f"{factor}*{axis}" if isinstance(axis, str) and factor > 1 else axis for axis in (side, width)]
    if isinstance(side, int):
        larger = [factor * side] * 2
    model = graph_model(
        nodes,
        inputs=[helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, side, width])],
        outputs=[helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, *map(str, larger)])]
        if isinstance(side, str)
        else [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, *larger])],
        tensors=[numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(scales, "scales")],
    )
    resize = (side, side) if isinstance(side, int) else None
    metadata = Metadata(
        name="blur",
        task=task,
        inputs={"image": TensorSpec("N", 1, side, width)},
        outputs={"picture": TensorSpec("N", 1, *larger)},
        preprocess=Preprocess(color="L", resize=resize),
        opset=20,
    )
    return write_model(folder / "exported" / "blur" / "model.onnx", model, metadata)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def answer(file: Path, pixels: np.ndarray, tiling: Tiling | None = None) -> np.ndarray:
    (prediction,) = open_model(file).predictions([pixels], tiling=tiling)
    assert prediction.error is None, prediction.error
    found: np.ndarray = (prediction.answer or {})["picture"]
    return found


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(50, 70), (16, 16), (33, 16), (16, 40), (17, 90)])
def test_tiles_give_what_the_whole_picture_gives(height: int, width: int, factor: int, here: Path) -> None:
    file = blur(here, reach=2, factor=factor)
    pixels = noise(height, width)
    whole = answer(file, pixels)
    assert whole.shape == (1, height * factor, width * factor)
    np.testing.assert_allclose(answer(file, pixels, Tiling(size=16, overlap=6)), whole, atol=1e-6)
    assert np.abs(answer(file, pixels, Tiling(size=16, overlap=0)) - whole).max() > 0.02 or height * width == 256


def test_what_reaches_too_far_fades_from_tile_to_tile(here: Path) -> None:
    """A constant picture under a wide kernel: dark at the edges of tiles, and never a hard step inside."""
    file = blur(here, reach=7)
    pixels = np.full((40, 90), 200, np.uint8)
    hard, soft = (answer(file, pixels, Tiling(size=32, overlap=overlap))[0, 20] for overlap in (0, 16))
    assert np.abs(np.diff(soft[10:-10])).max() < np.abs(np.diff(hard[10:-10])).max() / 2


def test_pictures_smaller_than_a_tile_are_mirrored(here: Path) -> None:
    file = blur(here, reach=2, side=32, factor=2)
    found = answer(file, noise(5, 20), Tiling(size=32, overlap=8))
    assert found.shape == (1, 10, 40)
    padded = np.pad(noise(5, 20), [(0, 27), (0, 12)], mode="symmetric")
    np.testing.assert_allclose(found, answer(file, padded)[:, :10, :40], atol=1e-6)


def test_masks_and_pictures_on_the_command_line(run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    half("photo.png")
    done = run_zoo("predict", "light", "photo.png", "--tile", "8", "--overlap", "2", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json == [{"input": "photo.png", "file": "photo.mask.png", "shape": [20, 32]}]
    mask = pixels_of("photo.mask.png")
    assert not mask[:, :16].any()
    assert (mask[:, 16:] == 1).all()
    blur(here, reach=1, factor=2)
    done = run_zoo("predict", "blur", "photo.png", "--tile", "12", "--out", "large.png", "--json")
    assert done.json[0]["shape"] == [1, 40, 64]
    with Image.open("large.png") as picture:
        assert (picture.mode, picture.size) == ("L", (64, 40))
    Path("bad.png").write_bytes(b"\x89PNG")
    rows = predict("exported/blur", inputs=["bad.png", "photo.png"], out="made")
    assert ["error" in row for row in rows] == [True, False]


def test_memory_is_that_of_a_row_of_tiles(here: Path) -> None:
    """Sixteen classes for each of a million pixels would be 64 MB of logits, and twice that to add them up."""
    weight = np.random.default_rng(0).normal(size=(16, 1, 1, 1)).astype(np.float32)
    file = convolution(here, name="many", weight=weight)
    model, pixels = open_model(file), noise(2048, 512)
    tracemalloc.start()
    (prediction,) = model.predictions([pixels], tiling=Tiling(size=64, overlap=16))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (prediction.answer or {})["mask"].shape == (2048, 512)
    assert most < 48e6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--overlap", "4"], "--overlap is for tiles"),
        (["--tile", "8", "--overlap", "5"], "tiles of 8 pixels cannot overlap by 5"),
        (["--tile", "16"], "takes pictures of 8 x 8"),
    ],
)
def test_tiles_that_cannot_be(options: list[str], words: str, run_zoo: Callable[..., Any], here: Path) -> None:
    light_mask(here)
    half("photo.png")
    done = run_zoo("predict", "light", "photo.png", *options)
    assert done.code == 2
    assert words in done.stderr
    assert not Path("photo.mask.png").exists()


def test_models_that_tiles_are_not_for(here: Path) -> None:
    classifier = open_model(write_brightness(here))
    with pytest.raises(UsageError, match=r"^tiles are for models that make masks or pictures"):
        classifier.predictions([noise(40, 40)], tiling=Tiling(size=4, overlap=1))
    file = convolution(here, name="valid", weight=np.ones((1, 1, 3, 3), np.float32))
    (prediction,) = open_model(file).predictions([noise(40, 40)], tiling=Tiling(size=16, overlap=4))
    words = re.escape("output 'logits' has the shape (1, 14, 14) for a tile of 16 x 16, and cannot be joined")
    assert prediction.error is not None
    assert re.search(words, prediction.error.message)
    huge = convolution(here, name="huge", weight=np.full((1, 1, 1, 1), 3e38, np.float32), bias=3e38)
    (prediction,) = open_model(huge).predictions([noise(40, 40)], tiling=Tiling(size=16, overlap=4))
    assert isinstance(prediction.error, ZooError)
    assert "output 'logits' is not finite in a tile" in prediction.error.message
