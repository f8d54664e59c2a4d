"""Pictures of people's own in "Try it": the input that Chromium's pixels make, beside that of Pillow's."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from javascript_reader import ten_pictures
from numpy.typing import NDArray
from PIL import Image
from tried_site import write_site

from zoo_core import Preprocess
from zoo_core.preprocess import load_pictures

pytestmark = pytest.mark.slow
RECIPE = Preprocess(
    resize=232, crop=(224, 224), interpolation="bicubic", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
OWN_SIZE = Preprocess(scale=1.0)
LEVELS = 3
"""Of 255, by which two readers of JPEG may differ in a pixel: docs/preprocessing.md leaves the decoding to them."""

INPUT = """
const [content, name, recipe, done] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
(async () => {
  const { pixelsOf } = await import("/assets/try/pictures.js");
  const { prepare } = await import("/assets/try/reader/picture.js");
  const { dims, data } = prepare(await pixelsOf(new File([bytes], name)), recipe);
  const whole = new Uint8Array(data.buffer);
  let text = "";
  for (let at = 0; at < whole.length; at += 32768) text += String.fromCharCode(...whole.subarray(at, at + 32768));
  return { dims, data: btoa(text) };
})().then(done, (error) => done({ error: error.message }));
"""


@pytest.fixture
def inputs(served: tuple[Path, str], browser: Any) -> Any:
    """The input that the page makes of a picture."""
    write_site(served[0], [], None)
    browser.get(f"{served[1]}assets/try/try.css")
    browser.set_script_timeout(60)

    def made(path: Path, recipe: Preprocess) -> NDArray[np.float32]:
        content = base64.b64encode(path.read_bytes()).decode()
        found = browser.execute_async_script(INPUT, content, path.name, recipe.to_json())
        return np.frombuffer(base64.b64decode(found["data"]), np.float32).reshape(found["dims"])

    return made


def photographs() -> dict[str, Image.Image]:
    from sklearn.datasets import load_sample_images

    images = load_sample_images()
    return {Path(name).stem: Image.fromarray(each) for name, each in zip(images.filenames, images.images, strict=True)}


def test_photographs_without_loss_become_the_same_input_to_the_bit(inputs: Any, tmp_path: Path) -> None:
    for name, picture in photographs().items():
        for ending, how in (("png", {}), ("bmp", {}), ("webp", {"lossless": True})):
            path = tmp_path / f"{name}.{ending}"
            picture.save(path, **how)
            np.testing.assert_array_equal(inputs(path, RECIPE), load_pictures([path], RECIPE), path.name)


def test_every_kind_of_png_without_transparency_is_the_same_to_the_bit(inputs: Any, tmp_path: Path) -> None:
    kinds = {
        name: one for name, one in ten_pictures().items() if not {"RGBA", "alpha", "palette", "16"} & set(name.split())
    }
    assert len(kinds) >= 5
    for number, (name, picture) in enumerate(kinds.items()):
        path = tmp_path / f"{number}.png"
        picture.save(path)
        for color in ("L", "RGB"):
            recipe = Preprocess(resize=(31, 70), interpolation="lanczos", color=color)
            np.testing.assert_array_equal(inputs(path, recipe), load_pictures([path], recipe), name)


@pytest.mark.parametrize("quality", [75, 95])
def test_jpeg_is_off_by_few_levels_at_most(quality: int, inputs: Any, tmp_path: Path) -> None:
    for name, picture in photographs().items():
        path = tmp_path / f"{name}.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6  # lies on its side
        picture.save(path, quality=quality, exif=exif)
        gap = np.abs(inputs(path, OWN_SIZE) - load_pictures([path], OWN_SIZE))
        assert gap.max() <= LEVELS


def test_transparency_and_16_bits_are_off_by_few_levels_at_most(inputs: Any, tmp_path: Path) -> None:
    for number, (name, picture) in enumerate(ten_pictures().items()):
        path = tmp_path / f"{number}.png"
        picture.save(path)
        gap = np.abs(inputs(path, OWN_SIZE) - load_pictures([path], OWN_SIZE))
        assert gap.max() <= LEVELS, name
