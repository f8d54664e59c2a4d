"""What outputs shall look like: as arrays and files, with the geometry of their inputs, as large or larger."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core import DatasetSpec, Preprocess, TensorSpec, ZooError
from zoo_core.data import ArraySplit, BoundDataset, FileSplit, MaskFiles, PictureFiles, bind_dataset
from zoo_core.registry import Dataset
from zoo_core.training.augment import Augment

RNG = np.random.default_rng(0)
GREY = Preprocess(color="L")


def bound(split: Any, *axes: int, preprocess: Preprocess | None = GREY, **given: Any) -> BoundDataset:
    """A dataset whose every split is this one."""

    def load(root: Path, *, split: str, download: bool, tiles: int | None = None) -> Any:
        return made

    made = split
    spec = DatasetSpec(
        name="pairs",
        load=load,
        task="image-to-image",
        summary="pictures with true pictures",
        inputs={"image": TensorSpec("N", *axes)},
        preprocess=preprocess,
        splits=("train", "validation", "test"),
    )
    return bind_dataset(Dataset(spec=spec, plugin="test:pairs"), given)


def pictures(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def saved(folder: Path, name: str, pixels: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)
    return folder / name


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_true_pictures_in_memory_are_stored_as_their_inputs(factor: int) -> None:
    inputs, truth = pictures(5, 6, 4), pictures(5, 6 * factor, 4 * factor, 3)
    samples = bound(ArraySplit(inputs=inputs, targets=truth), 1, 6, 4).load("train")
    assert samples.form == "pictures"
    assert samples.targets.dtype == np.uint8
    np.testing.assert_array_equal(samples.targets, truth.transpose(0, 3, 1, 2))
    grey = bound(ArraySplit(inputs=inputs, targets=truth[..., 0]), 1, 6, 4).load("train")
    np.testing.assert_array_equal(grey.targets, truth.transpose(0, 3, 1, 2)[:, :1])
    assert grey.fingerprint != samples.fingerprint
    assert bound(ArraySplit(inputs=inputs, targets=truth), 1, 6, 4).count("train") == (5, None)
    assert bound(ArraySplit(inputs=inputs, targets=truth), 1, 6, 4).num_classes is None


def test_floats_stay_as_they_are() -> None:
    depth = RNG.normal(size=(4, 1, 6, 4))
    samples = bound(ArraySplit(inputs=pictures(4, 6, 4), targets=depth), 1, 6, 4).load("train")
    assert samples.targets.dtype == np.float32
    np.testing.assert_allclose(samples.targets, depth, rtol=1e-6)
    arrays = ArraySplit(inputs=RNG.normal(size=(4, 2, 6, 4)).astype(np.float32), targets=depth)
    assert bound(arrays, 2, 6, 4, preprocess=None).load("train").targets.shape == (4, 1, 6, 4)
    depth[2, 0, 1, 1] = np.nan
    with pytest.raises(ZooError, match="the true picture of sample 2 has values that are not finite"):
        bound(ArraySplit(inputs=pictures(4, 6, 4), targets=depth), 1, 6, 4).load("train")
    resized = Preprocess(color="L", resize=(3, 2))
    given = ArraySplit(inputs=pictures(4, 6, 4), targets=np.zeros((4, 1, 6, 4), np.float32))
    with pytest.raises(ZooError, match="true pictures of floats cannot be resized or cropped"):
        bound(given, 1, 3, 2, preprocess=resized).load("train")


@pytest.mark.parametrize("factor", [1, 2])
def test_resizing_and_cropping_move_both_alike(factor: int, tmp_path: Path) -> None:
    """A picture and the same picture enlarged: what is left of both shows the same places."""
    small = pictures(9, 9)
    large = small.repeat(factor, axis=0).repeat(factor, axis=1)
    for recipe, size in ((Preprocess(color="L", resize=9, crop=(4, 6)), (4, 6)), (GREY, (9, 9))):
        arrays = ArraySplit(inputs=small[None].repeat(2, axis=0), targets=large[None].repeat(2, axis=0))
        files = FileSplit(
            paths=(saved(tmp_path, "a.png", small),) * 2,
            targets=PictureFiles(paths=(saved(tmp_path, "b.png", large),) * 2),
        )
        found = [bound(split, 1, *size, preprocess=recipe).load("train") for split in (arrays, files)]
        for samples in found:
            wanted = samples.main.repeat(factor, axis=2).repeat(factor, axis=3)
            np.testing.assert_array_equal(samples.targets, wanted)
    resized = bound(arrays, 1, 9, 9, size=6).load("train")
    assert resized.targets.shape == (2, 1, 6 * factor, 6 * factor)
    by_hand = np.asarray(Image.fromarray(large).resize((6 * factor,) * 2, Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(resized.targets[0, 0], by_hand)


@pytest.mark.parametrize("factor", [1, 2])
def test_tiles_are_cut_from_both(factor: int, tmp_path: Path) -> None:
    small = pictures(8, 12)
    large = small.repeat(factor, axis=0).repeat(factor, axis=1)
    arrays = ArraySplit(inputs=small[None], targets=large[None])
    files = FileSplit(
        paths=(saved(tmp_path, "a.png", small),), targets=PictureFiles(paths=(saved(tmp_path, "b.png", large),))
    )
    for split in (arrays, files):
        samples = bound(split, 1, 4, 4, tiles=4).load("train")
        assert samples.main.shape == (6, 1, 4, 4)
        np.testing.assert_array_equal(samples.targets, samples.main.repeat(factor, axis=2).repeat(factor, axis=3))


def test_the_colour_of_true_pictures_is_that_of_their_inputs_or_the_one_that_is_told(tmp_path: Path) -> None:
    paths = (saved(tmp_path, "a.png", pictures(6, 4)),)
    truth = (saved(tmp_path, "b.png", pictures(6, 4, 3)),)
    for color, channels in ((None, 1), ("L", 1), ("RGB", 3)):
        split = FileSplit(paths=paths, targets=PictureFiles(paths=truth, color=color))
        assert bound(split, 1, 6, 4).load("train").targets.shape == (1, channels, 6, 4)
    split = FileSplit(paths=paths, targets=PictureFiles(paths=truth))
    loaded = bound(split, 3, 6, 4, preprocess=Preprocess(color="RGB")).load("train")
    np.testing.assert_array_equal(loaded.targets[0].transpose(1, 2, 0), np.asarray(Image.open(truth[0])))
    assert loaded.files == (str(paths[0]),)


def test_a_bad_true_picture_is_told_of_or_left_out(tmp_path: Path) -> None:
    paths = tuple(saved(tmp_path, f"{n}.png", pictures(6, 4)) for n in range(3))
    truth = [saved(tmp_path / "true", f"{n}.png", pictures(6, 4)) for n in range(3)]
    truth[1].write_bytes(truth[1].read_bytes()[:40])
    split = FileSplit(paths=paths, targets=PictureFiles(paths=tuple(truth)))
    with pytest.raises(ZooError, match=r"1 of 3 samples cannot be read:\n.*true/1.png is damaged"):
        bound(split, 1, 6, 4).load("train")
    left = bound(split, 1, 6, 4, skip_bad=True).load("train")
    assert (len(left), left.targets.shape) == (2, (2, 1, 6, 4))
    saved(tmp_path / "true", "1.png", pictures(7, 4))
    with pytest.raises(ZooError, match=r"true/1.png has 7 x 4 pixels, its input .*1.png 6 x 4"):
        bound(split, 1, 6, 4).load("train")


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (pictures(3, 6, 4), "2 samples need as many true pictures, uint8 (N, H, W[, C]) or floats (N, C, H, W), not"),
        (np.zeros((2, 6, 4)), "or floats (N, C, H, W), not float64 of shape (2, 6, 4)"),
        (pictures(2, 6, 5), "a true picture has 6 x 5 pixels, its input a sample 6 x 4"),
        (pictures(2, 12, 4), "a true picture has 12 x 4 pixels, its input a sample 6 x 4"),
        (PictureFiles(paths=()), "the true pictures of arrays are an array, not PictureFiles"),
        (MaskFiles(paths=(), numbers={}), "the true pictures are PictureFiles, not MaskFiles"),
    ],
)
def test_true_pictures_that_do_not_fit(targets: Any, words: str) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        bound(ArraySplit(inputs=pictures(2, 6, 4), targets=targets), 1, 6, 4).load("train")


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    paths = (saved(tmp_path, "a.png", pictures(6, 4)),)
    with pytest.raises(ZooError, match="the true pictures of picture files are PictureFiles, not uint8 of shape"):
        bound(FileSplit(paths=paths, targets=pictures(1, 6, 4)), 1, 6, 4).load("train")
    with pytest.raises(ZooError, match="1 pictures, but 2 true pictures"):
        bound(FileSplit(paths=paths, targets=PictureFiles(paths=paths * 2)), 1, 6, 4).load("train")
    waves = ArraySplit(inputs=np.zeros((2, 1, 9), np.float32), targets=np.zeros((2, 1, 9, 9), np.float32))
    with pytest.raises(ZooError, match="true pictures are for samples that are pictures"):
        bound(waves, 1, 9, preprocess=None).load("train")


def augmented(names: tuple[str, ...], inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return Augment(names=names, seed=1)(inputs, targets, index=torch.arange(len(inputs)), epoch=1)


@pytest.mark.parametrize("names", [("flip",), ("crop",), ("affine",), ("flip", "crop", "affine")])
def test_augmentation_moves_both_alike(names: tuple[str, ...]) -> None:
    inputs = torch.rand(6, 1, 16, 16)
    changed, followed = augmented(names, inputs, inputs.clone())
    assert not torch.equal(changed, inputs)
    assert torch.allclose(changed, followed, atol=1e-6)
    stored = (inputs * 255).round().to(torch.uint8)
    changed, followed = augmented(names, stored.float(), stored)
    assert followed.dtype == torch.uint8
    assert (changed - followed.float()).abs().max() <= 0.5 + 1e-3


def test_augmentation_of_larger_true_pictures() -> None:
    inputs = torch.rand(4, 1, 8, 8)
    larger = torch.nn.functional.interpolate(inputs, scale_factor=2.0)
    changed, followed = augmented(("flip",), inputs, larger)
    assert torch.equal(torch.nn.functional.interpolate(changed, scale_factor=2.0), followed)
    assert augmented(("affine",), inputs, larger)[1].shape == (4, 1, 16, 16)
    with pytest.raises(ZooError, match="larger than their inputs cannot be augmented with crop"):
        augmented(("crop",), inputs, larger)
    with pytest.raises(ZooError, match="true pictures do not follow a change of colour"):
        augmented(("color",), inputs, inputs)


@pytest.mark.parametrize("name", ["flip", "crop"])
def test_flags_and_numbers_do_not_follow(name: str) -> None:
    inputs, flags = torch.rand(8, 1, 16, 16), torch.arange(24, dtype=torch.uint8).reshape(8, 3)
    changed, kept = augmented((name,), inputs, flags)
    assert not torch.equal(changed, inputs)
    assert torch.equal(kept, flags)


def test_noisy_digits_are_the_same_on_every_machine(run_zoo: Callable[..., Any]) -> None:
    found = run_zoo("info", "noisy-digits", "--json")
    assert found.json["task"] == "image-to-image"
    from zoo_core import open_zoo

    zoo = open_zoo()
    samples = bind_dataset(zoo.dataset("noisy-digits"), {"noise": 0.1}).load("validation")
    error = samples.main / 255 - samples.targets / 255
    inside = (samples.targets > 100) & (samples.targets < 155)
    assert samples.main.shape == samples.targets.shape == (180, 1, 28, 28)
    assert error[inside].std() == pytest.approx(0.1, rel=0.03)
    assert abs(error[inside].mean()) < 0.005
    assert samples.main[0, 0, 14, 10:16].tolist() == [43, 12, 0, 26, 6, 5]
    small = bind_dataset(zoo.dataset("small-digits"), {}).load("validation")
    assert small.main.shape == (180, 1, 14, 14)
    np.testing.assert_array_equal(small.targets, samples.targets)
    with pytest.raises(ZooError, match="noise is above 0, up to 1, and seed 0 or more"):
        bind_dataset(zoo.dataset("noisy-digits"), {"noise": 0.0}).load("train")
