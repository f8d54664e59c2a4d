"""A file that prepares its pictures, put to work: answers and metrics are those of the float file it is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image
from warm import Result

from zoo_core import Preprocess, UsageError
from zoo_core.baking.bakeable import interface_of
from zoo_core.baking.joining import joined
from zoo_core.runtime import open_model
from zoo_core.runtime.running.tiling import Tiling

Zoo = Callable[..., Result]
RECIPES = {
    "exact": Preprocess(resize=(4, 4), color="L", mean=(0.4,), std=(0.3,)),
    "the shorter side, then a crop": Preprocess(resize=6, crop=(4, 4), color="L", interpolation="bicubic"),
    "as large as it is": Preprocess(color="L"),
}


def both(folder: Path, recipe: Preprocess, **changes: str) -> tuple[Path, Path]:
    """A float file and what is made of it."""
    metadata = brightness_metadata(preprocess=recipe, labels=("dark", "light"), name="plain", **changes)
    metadata = dataclasses.replace(metadata, outputs={"logits": metadata.outputs["logits"].with_axes("N", 2)})
    model = brightness_model(classes=2, seed=3)
    interface = interface_of(metadata, smallest={})
    own = dataclasses.replace(
        metadata,
        name="baked",
        inputs=interface.inputs,
        outputs=interface.outputs,
        largest=interface.largest,
        baked=True,
    )
    made = write_model(folder / "exported" / "baked" / "model.onnx", joined(model, interface, None), own)
    return write_model(folder / "exported" / "plain" / "model.onnx", model, metadata), made


def pictures(folder: Path, sizes: Iterator[tuple[int, int]]) -> list[Path]:
    """Dark and light ones in the layout of an image folder."""
    random = np.random.default_rng(5)
    found = []
    for number, (height, width) in enumerate(sizes):
        label = ("dark", "light")[number % 2]
        pixels = random.integers(100 * (number % 2), 156 + 100 * (number % 2), (height, width, 3), dtype=np.uint8)
        path = folder / label / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        found.append(path)
    return found


@pytest.mark.parametrize("how", RECIPES)
def test_answers_and_metrics_are_those_of_the_float_file(how: str, tmp_path: Path, zoo_here: Zoo) -> None:
    recipe = RECIPES[how]
    fixed = recipe.size is None
    sizes = ((4, 4) if fixed else (5 + number % 3 * 7, 9 + number % 5) for number in range(20))
    paths = pictures(tmp_path / "data", sizes)
    (tmp_path / "data" / "dark" / "broken.png").write_bytes(b"broken")
    plain, baked = both(tmp_path, recipe)
    with open_model(plain) as theirs, open_model(baked) as ours:
        assert ours(paths) == theirs(paths)
        pixels = np.asarray(Image.open(paths[0]))
        assert ours(pixels) == theirs(pixels)
    asked = ("--dataset", "image-folder", "-d", "root=data", "-d", "skip_bad=true", "--split", "validation", "--json")
    told = [zoo_here("eval", f"export:{name}", *asked) for name in ("plain", "baked")]
    assert [each.code for each in told] == [0, 0], told
    assert told[0].json["metrics"] == told[1].json["metrics"]
    assert told[0].json["n"] == told[1].json["n"] > 1


def test_a_picture_that_is_smaller_than_the_crop_has_the_error_of_the_float_file(tmp_path: Path) -> None:
    for path in both(tmp_path, Preprocess(crop=(4, 4), color="L")):
        with open_model(path) as model:
            (bad, good) = model.predictions([np.zeros((3, 9, 3), np.uint8), np.zeros((5, 9, 3), np.uint8)])
        assert good.error is None
        assert bad.error is not None
        assert "a picture of 3 x 9 pixels is smaller than the crop of 4 x 4" in bad.error.message


def test_pixels_of_another_type_go_in_as_they_are_or_not_at_all(tmp_path: Path) -> None:
    _, baked = both(tmp_path, RECIPES["exact"])
    rows = np.zeros((2, 7, 5, 3), np.uint8)
    with open_model(baked) as model:
        assert model.run({"image": rows})["logits"].shape == (2, 2)
        with pytest.raises(Exception, match="is float32, and must be uint8"):
            model.run({"image": rows.astype(np.float32)})


def test_tiles_are_for_the_float_file(tmp_path: Path) -> None:
    _, baked = both(tmp_path, RECIPES["as large as it is"], task="semantic-segmentation")
    with open_model(baked) as model, pytest.raises(UsageError, match="prepares each picture itself") as told:
        list(model.predictions([np.zeros((8, 8, 3), np.uint8)], tiling=Tiling(size=4, overlap=0)))
    assert told.value.hint == "export it without --bake-preprocess"
