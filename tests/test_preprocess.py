"""The recipe: resizing by Pillow, one arithmetic in numpy and torch, pictures and arrays alike."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core import Preprocess, ZooError
from zoo_core.pictures import read_picture
from zoo_core.preprocess import (
    convert_color,
    load_pictures,
    normalize,
    prepare_arrays,
    prepare_pictures,
    resize_picture,
)
from zoo_core.training.normalize import normalize_tensor

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
RECIPES = [
    Preprocess(**IMAGENET),
    Preprocess(color="BGR", scale=1.0, mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)),
    Preprocess(**IMAGENET, layout="NHWC"),
    Preprocess(color="L", mean=(0.1307,), std=(0.3081,)),
    Preprocess(color="L", mean=(0.3087,), std=(0.3486,), layout="NHWC"),
    Preprocess(mean=(0.5,), std=(1 / 3,), scale=1 / 127.5),
]


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_torch_gives_the_same_bits_as_numpy(recipe: Preprocess) -> None:
    every_value = np.arange(256, dtype=np.uint8).repeat(recipe.channels).reshape(1, 16, 16, -1).transpose(0, 3, 1, 2)
    for stored in (every_value, random_pixels(5, recipe.channels, 13, 11)):
        ours = normalize(stored, recipe)
        theirs = normalize_tensor(torch.from_numpy(np.ascontiguousarray(stored)), recipe).numpy()
        assert ours.dtype == theirs.dtype == np.float32
        assert ours.shape == theirs.shape
        assert ours.tobytes() == theirs.tobytes()


def test_normalizing_leaves_the_stored_pictures_alone() -> None:
    stored = random_pixels(2, 3, 4, 4)
    before = stored.copy()
    normalize(stored, RECIPES[0])
    normalize_tensor(torch.from_numpy(stored), RECIPES[0])
    assert (stored == before).all()


def test_normalizing_by_hand() -> None:
    recipe = Preprocess(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0), scale=1 / 256)
    stored = np.array([[[[128]], [[64]], [[255]]]], np.uint8)
    assert normalize(stored, recipe).ravel().tolist() == [0.0, 0.0, 255 / 256 / 2]
    nhwc = normalize(stored, Preprocess(scale=1.0, layout="NHWC"))
    assert nhwc.shape == (1, 1, 1, 3)
    assert nhwc.ravel().tolist() == [128, 64, 255]


@pytest.mark.parametrize("stored", [np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 3, 4, 4), np.float32)])
def test_normalizing_takes_only_what_the_recipe_says(stored: np.ndarray) -> None:
    with pytest.raises(ZooError, match=re.escape("normalize takes uint8 pictures (N, 3, height, width)")):
        normalize(stored, Preprocess())


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_resizing_is_pillows(interpolation: str) -> None:
    pixels = random_pixels(40, 30, 3)
    resized = resize_picture(pixels, Preprocess(resize=(24, 16), interpolation=interpolation))
    expected = Image.fromarray(pixels).resize((16, 24), Image.Resampling[interpolation.upper()])
    assert (resized == np.asarray(expected)).all()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_widths_are_resized_before_heights(interpolation: str) -> None:
    # Pillow 13 takes heights first where these shrink more: pixels were others than before, and than elsewhere.
    pixels, way = random_pixels(40, 30, 3), Image.Resampling[interpolation.upper()]
    resized = resize_picture(pixels, Preprocess(resize=(16, 24), interpolation=interpolation))
    expected = Image.fromarray(pixels).resize((24, 40), way).resize((24, 16), way)
    assert (resized == np.asarray(expected)).all()


def test_shorter_side_and_centre_crop_as_torchvision_has_them() -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    for height, width in ((50, 31), (31, 50), (40, 40), (33, 100)):
        pixels = random_pixels(height, width, 3)
        ours = resize_picture(pixels, Preprocess(resize=24, crop=(19, 17)))
        theirs = transforms.CenterCrop((19, 17))(transforms.Resize(24)(Image.fromarray(pixels)))
        assert (ours == np.asarray(theirs)).all()


def test_crop_without_resize_and_crop_that_is_too_large() -> None:
    pixels = random_pixels(6, 9, 1)
    assert (resize_picture(pixels, Preprocess(color="L", crop=(2, 3))) == pixels[2:4, 3:6]).all()
    with pytest.raises(ZooError, match="a picture of 6 x 9 pixels is smaller than the crop of 7 x 7"):
        resize_picture(pixels, Preprocess(color="L", crop=(7, 7)))


@pytest.mark.parametrize("recipe", [Preprocess(resize=64, crop=(64, 64)), Preprocess(resize=(100_000, 100_000))])
def test_resizing_to_a_monster_is_refused(recipe: Preprocess) -> None:
    with pytest.raises(ZooError, match="over 50 megapixels"):
        resize_picture(np.zeros((1, 1_000_000, 3), np.uint8), recipe)


@pytest.mark.parametrize("recipe", [Preprocess(color="L"), Preprocess(color="BGR"), Preprocess(crop=(5, 4))], ids=str)
@pytest.mark.parametrize("resize", [None, (12, 9)])
def test_a_picture_and_the_same_pixels_in_memory_are_the_same_input(
    tmp_path: Path, recipe: Preprocess, resize: tuple[int, int] | None
) -> None:
    recipe = Preprocess.from_json({**recipe.to_json(), "resize": resize and list(resize)})
    pixels = random_pixels(3, 10, 8, 3)
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path, picture in zip(paths, pixels, strict=True):
        Image.fromarray(picture).save(path)
    stored = prepare_arrays(pixels, recipe)
    assert stored.flags["C_CONTIGUOUS"]
    assert (prepare_pictures(paths, recipe) == stored).all()
    assert (load_pictures(paths, recipe) == normalize(stored, recipe)).all()


def test_grey_arrays_with_and_without_a_channel_axis() -> None:
    pixels = random_pixels(4, 6, 5)
    for arrays in (pixels, pixels[..., np.newaxis]):
        assert (prepare_arrays(arrays, Preprocess(color="L"))[:, 0] == pixels).all()
        assert (prepare_arrays(arrays, Preprocess()) == pixels[:, np.newaxis]).all()
    with pytest.raises(ZooError, match="1 or 3 channels, not 2"):
        convert_color(random_pixels(4, 6, 5, 2), "RGB")


def test_every_grey_of_a_colour_is_pillows() -> None:
    pixels = random_pixels(1, 200, 200, 3)
    assert (convert_color(pixels, "L")[0, :, :, 0] == np.asarray(Image.fromarray(pixels[0]).convert("L"))).all()


def test_pictures_of_different_sizes_need_a_size(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    Image.new("RGB", (4, 6)).save(paths[0])
    Image.new("RGB", (5, 6)).save(paths[1])
    with pytest.raises(ZooError, match=r"b\.png has 6 x 5 pixels, those before it 6 x 4") as caught:
        prepare_pictures(paths, Preprocess())
    assert caught.value.exit_code == 1
    assert prepare_pictures(paths, Preprocess(resize=(3, 3))).shape == (2, 3, 3, 3)
    assert prepare_pictures([], Preprocess(resize=(3, 3))).shape == (0, 3, 3, 3)


def test_lossless_formats_give_the_same_pixels() -> None:
    pixels = random_pixels(7, 5, 3)
    for format_, options in (("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True, "exact": True})):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format_, **options)
        assert (read_picture(buffer.getvalue(), color="RGB") == pixels).all()
        assert (read_picture(buffer.getvalue(), color="BGR") == pixels[:, :, ::-1]).all()
