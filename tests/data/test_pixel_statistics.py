"""Mean and standard deviation per channel: equal to numpy's over everything at once, whatever the parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_datasets import bound

from zoo_core import Preprocess, TensorSpec, open_zoo
from zoo_core.data import ArraySplit, bind_dataset, channel_statistics
from zoo_core.data import pixel_statistics as statistics

RunZoo = Callable[..., Any]


def test_digits_as_numpy_computes_them_and_as_their_recipe_says(zoo_here: RunZoo) -> None:
    train = bind_dataset(open_zoo().dataset("digits"), {}).load("train")
    pixels = train.main.astype(np.float64) / 255
    found = zoo_here("info", "digits", "--statistics", "--json").json["statistics"]
    assert (found["split"], found["n"]) == ("train", 1257)
    assert found["mean"] == pytest.approx([pixels.mean()], abs=1e-12)
    assert found["std"] == pytest.approx([pixels.std()], abs=1e-12)
    recipe = train.preprocess or Preprocess()
    assert found["mean"] == pytest.approx(recipe.mean, abs=5e-5)
    assert found["std"] == pytest.approx(recipe.std, abs=5e-5)


def test_people_see_numbers_that_can_be_copied(zoo_here: RunZoo) -> None:
    shown = zoo_here("info", "dataset:digits", "--statistics", "-d", "train_size=100").stdout
    assert "statistics  of 100 samples of the train split, by channel" in shown
    assert "mean        0.3" in shown
    assert "std         0.3" in shown
    assert "statistics" not in zoo_here("info", "dataset:digits").stdout


def test_channels_of_colour_pictures(tmp_path: Path, zoo_here: RunZoo) -> None:
    rng = np.random.default_rng(0)
    everything = rng.integers(0, (256, 100, 30), (40, 9, 7, 3)).astype(np.uint8)
    for index, pixels in enumerate(everything):
        path = tmp_path / f"train/{'ab'[index % 2]}/{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    for name in "ab":
        (tmp_path / "validation" / name).mkdir(parents=True)
        Image.fromarray(everything[0]).save(tmp_path / "validation" / name / "x.png")
    found = zoo_here("info", "image-folder", "-d", f"root={tmp_path}", "--statistics", "--json").json["statistics"]
    recipe = Preprocess(resize=(64, 64))
    resized = np.stack([np.asarray(Image.fromarray(p).resize((64, 64), Image.Resampling.BILINEAR)) for p in everything])
    assert recipe.scale == 1 / 255
    assert found["n"] == 40
    assert found["mean"] == pytest.approx((resized / 255).mean(axis=(0, 1, 2)), abs=1e-12)
    assert found["std"] == pytest.approx((resized / 255).std(axis=(0, 1, 2)), abs=1e-12)


@pytest.mark.parametrize("shape", [(50, 3, 11), (50, 4), (50,)], ids=str)
def test_float_arrays_as_they_are_in_parts_of_any_size(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    # Far from zero, where the difference of two large sums would lose everything.
    values = np.random.default_rng(0).normal(1e6, 1, shape).astype(np.float32)

    def load(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=values, targets=np.arange(50) % 4)

    samples = bound(load, preprocess=None, inputs={"x": TensorSpec("N", *shape[1:])}).load("test")
    axes = (0, *range(2, len(shape)))
    for most in (1, 100, 8 * 7 * 33, 2**25):
        monkeypatch.setattr(statistics, "_CHUNK_BYTES", most)
        found = channel_statistics(samples)
        exact = values.astype(np.float64)
        assert found.mean == pytest.approx(np.atleast_1d(exact.mean(axis=axes)), rel=1e-15, abs=1e-8)
        assert found.std == pytest.approx(np.atleast_1d(exact.std(axis=axes)), abs=1e-8)


def test_only_datasets_have_statistics(zoo_here: RunZoo) -> None:
    for name, kind in (("lenet5", "model"), ("supervised", "trainer")):
        done = zoo_here("info", name, "--statistics")
        assert done.code == 2
        assert f"Error: {name} is a {kind}: --statistics is for datasets" in done.stderr


def test_data_that_are_not_there(zoo_here: RunZoo, tmp_path: Path) -> None:
    done = zoo_here("info", "mnist", "--statistics", "-d", f"root={tmp_path / 'none'}")
    assert done.code == 1
    assert "none: train-images-idx3-ubyte.gz is missing" in done.stderr
    assert "Hint: add --download to fetch it (11.6 MB)" in done.stderr
