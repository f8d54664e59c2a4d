"""Augmentation: what happens to a sample is its own, masks follow their pictures, and nothing else changes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from small_datasets import bound
from torch import Tensor

from zoo_core.data import Samples
from zoo_core.errors import UsageError, ZooError
from zoo_core.specs import AUGMENTATIONS, Preprocess
from zoo_core.training import Augment, Feed, choose_augmentations
from zoo_core.training.augment import uniform

ROWS = 40


def pictures(rows: int = ROWS, *, channels: int = 3, height: int = 16, width: int = 24) -> Tensor:
    return torch.randn(rows, channels, height, width, generator=torch.Generator().manual_seed(0))


def labels(rows: int = ROWS) -> Tensor:
    return torch.arange(rows) % 3


def augmented(inputs: Tensor, targets: Tensor, *names: str, epoch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    return Augment(names=names, seed=seed)(inputs, targets, index=torch.arange(len(inputs)), epoch=epoch)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_sample_is_changed_alike_in_any_batch_and_any_order(name: str) -> None:
    inputs, masks = pictures(), (pictures(channels=1)[:, 0] > 0).to(torch.uint8)
    whole = augmented(inputs, masks, name)
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    change = Augment(names=(name,), seed=0)
    for size in (1, 7):
        for start in range(0, ROWS, size):
            index = order[start : start + size]
            part = change(inputs[index], masks[index], index=index, epoch=1)
            assert torch.equal(part[0], whole[0][index])
            assert torch.equal(part[1], whole[1][index])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_seed_and_epoch_decide_and_class_numbers_stay(name: str) -> None:
    inputs = pictures()
    found, targets = augmented(inputs, labels(), name)
    assert torch.equal(targets, labels())
    assert found.shape == inputs.shape
    assert torch.equal(found, augmented(inputs, labels(), name)[0])
    for other in (inputs, augmented(inputs, labels(), name, epoch=2)[0], augmented(inputs, labels(), name, seed=5)[0]):
        assert not torch.equal(found, other)


@pytest.mark.parametrize("name", ["flip", "crop", "affine", "resized-crop"])
def test_a_mask_follows_its_picture(name: str) -> None:
    # Broad patches, so that a bilinear picture and its nearest mask can only differ at their borders.
    patches = (torch.rand(ROWS, 1, 4, 6, generator=torch.Generator().manual_seed(3)) > 0.5).float()
    mask = patches.repeat_interleave(8, 2).repeat_interleave(8, 3)
    found, followed = augmented(mask, mask[:, 0].to(torch.uint8), name)
    agreeing = (found[:, 0] > 0.5) == (followed == 1)
    assert agreeing.float().mean() > (0.97 if name in {"affine", "resized-crop"} else 0.9999)
    unmoved = (mask[:, 0] == 1) == (followed == 1)
    assert unmoved.float().mean() < 0.95


def test_colour_leaves_masks_and_the_shape_of_things() -> None:
    inputs, masks = pictures(), torch.ones(ROWS, 16, 24, dtype=torch.uint8)
    found, followed = augmented(inputs, masks, "color")
    assert torch.equal(masks, followed)
    for before, after in zip(inputs, found, strict=True):
        assert np.corrcoef(before.flatten(), after.flatten())[0, 1] > 0.95


def test_half_of_the_samples_are_mirrored() -> None:
    inputs = pictures(1000)
    found, _ = augmented(inputs, labels(1000), "flip")
    mirrored = (found == inputs.flip(-1)).flatten(1).all(1)
    assert ((found == inputs).flatten(1).all(1) ^ mirrored).all()
    assert 430 < int(mirrored.sum()) < 570


def test_a_crop_moves_by_an_eighth_at_most_and_mirrors_what_is_missing() -> None:
    line = torch.arange(16.0).reshape(1, 1, 1, 16).expand(200, 1, 1, 16)
    found = augmented(line, labels(200), "crop")[0][:, 0, 0]
    shifts = {int(row[8]) - 8 for row in found}
    assert shifts == {-2, -1, 0, 1, 2}
    left = next(row for row in found if int(row[8]) == 6)
    assert left.tolist() == [2.0, 1.0, *map(float, range(14))]


def test_sequences_are_mirrored_and_shifted_with_their_masks() -> None:
    waves = torch.randn(ROWS, 1, 64, generator=torch.Generator().manual_seed(0))
    found, masks = augmented(waves, (waves[:, 0] > 0).to(torch.uint8), "flip", "crop")
    assert torch.equal(masks == 1, found[:, 0] > 0)
    assert not torch.equal(found, waves)
    with pytest.raises(ZooError, match="sequences cannot be augmented with affine, color"):
        augmented(waves, labels(), "affine", "color")
    with pytest.raises(ZooError, match=r"inputs of shape \(4, 8\) cannot be augmented"):
        augmented(torch.zeros(4, 8), labels(4), "flip")


def test_numbers_are_uniform_and_independent_of_one_another() -> None:
    drawn = uniform(7, torch.arange(20_000), count=2).double()
    assert drawn.shape == (2, 20_000)
    assert drawn.min() >= -1
    assert drawn.max() < 1
    counts = torch.histc(drawn, bins=20, min=-1, max=1)
    assert ((counts - 2000).abs() < 250).all()
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[0, 1:], drawn[0, :-1])[0, 1]) < 0.03


def test_what_is_asked_for() -> None:
    assert choose_augmentations("usual", ("flip",)) == ("flip",)
    assert choose_augmentations("none", ("flip",)) == ()
    assert choose_augmentations("color, flip", ()) == ("flip", "color")
    assert choose_augmentations("usual,-crop", ("flip", "crop")) == ("flip",)
    assert choose_augmentations("usual,-crop", ()) == ()
    assert choose_augmentations("usual,color", ("flip",)) == ("flip", "color")
    with pytest.raises(UsageError, match="there is no augmentation twist") as caught:
        choose_augmentations("flip,twist", ())
    assert caught.value.hint == (
        "known: usual, none, resized-crop, flip, crop, affine, color, rand, erase; several: flip,crop; usual,-crop"
    )
    with pytest.raises(UsageError, match="there is nothing that -flip could be taken from") as caught:
        choose_augmentations("-flip", ("flip", "crop"))
    assert caught.value.hint == "augment=usual,-flip"


def test_only_the_passes_of_training_are_augmented() -> None:
    samples = bound(given={"train_size": "50"}).load("train")
    feed = Feed(samples, batch_size=8, augment=Augment(names=("flip",), seed=0))
    plain = Feed(samples, batch_size=8)
    for (first, _), (second, _) in zip(feed.in_order(), plain.in_order(), strict=True):
        assert torch.equal(first, second)
    pairs = list(zip(feed.shuffled(seed=0, epoch=1), plain.shuffled(seed=0, epoch=1), strict=True))
    assert all(torch.equal(first[1], second[1]) for first, second in pairs)
    assert any(not torch.equal(first[0], second[0]) for first, second in pairs)


def test_pictures_may_be_smaller_in_some_epochs_and_sequences_may_not() -> None:
    samples = bound(given={"train_size": "50"}).load("train")
    feed = Feed(samples, batch_size=50, side_in=lambda epoch: 1 / 2 if epoch == 1 else 1.0)
    assert [next(iter(feed.shuffled(seed=0, epoch=epoch)))[0].shape for epoch in (1, 2)] == [
        (50, 1, 3, 2),
        (50, 1, 6, 5),
    ]
    assert next(iter(feed.in_order()))[0].shape == (50, 1, 6, 5)
    waves = Samples(
        inputs={"signal": np.zeros((8, 1, 16), np.float32)},
        targets=np.zeros((8, 16), np.uint8),
        form="masks",
        classes=("background", "peak"),
        fingerprint="",
    )
    with pytest.raises(ZooError, match="only pictures can be made smaller"):
        next(iter(Feed(waves, batch_size=4, side_in=lambda epoch: 0.5).shuffled(seed=0, epoch=1)))


def test_a_model_that_takes_channels_last_sees_the_same_pictures() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (12, 3, 16, 16), dtype=np.uint8)
    augment = Augment(names=AUGMENTATIONS, seed=0)

    def batches(layout: Literal["NCHW", "NHWC"]) -> list[tuple[Tensor, Tensor]]:
        samples = Samples(
            inputs={"image": drawn},
            targets=np.arange(12, dtype=np.int64),
            form="classes",
            classes=tuple("abcdefghijkl"),
            recipes={"image": Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), layout=layout)},
            fingerprint="",
        )
        feed = Feed(samples, batch_size=5, augment=augment, side_in=lambda epoch: 0.5)
        return [*feed.shuffled(seed=0, epoch=1), *feed.in_order()]

    for (first, numbers), (last, same) in zip(batches("NCHW"), batches("NHWC"), strict=True):
        assert last.shape[-1] == 3
        assert torch.equal(first.permute(0, 2, 3, 1), last)
        assert torch.equal(numbers, same)


def test_a_hole_is_cut_into_each_second_sample_and_what_is_behind_it_stays_true() -> None:
    inputs, masks = torch.ones(1000, 1, 16, 24), torch.ones(1000, 16, 24, dtype=torch.uint8)
    found, followed = augmented(inputs, masks, "erase")
    assert torch.equal(followed, masks)
    hole = (found == 0).flatten(1).float().mean(1)
    assert 430 < int((hole > 0).sum()) < 570
    assert 0 < float(hole[hole > 0].mean()) < 0.34
    waves = augmented(torch.ones(100, 2, 64), labels(100), "erase")[0]
    assert bool((waves == 0).any())
    assert torch.equal(waves[:, 0], waves[:, 1])


def test_a_resized_crop_is_a_part_of_the_picture() -> None:
    ramp = torch.linspace(0, 1, 24).reshape(1, 1, 1, 24).expand(200, 1, 16, 24).contiguous()
    found = augmented(ramp, labels(200), "resized-crop")[0][:, 0, 8]
    width = (found[:, -2] - found[:, 1]) / (ramp[0, 0, 8, -2] - ramp[0, 0, 8, 1])
    assert 0.4 < float(width.min()) < 0.75
    assert float(width.max()) <= 1.001
    assert float(found.min()) >= -1e-5
    assert float(found.max()) <= 1 + 1e-5


def test_rand_changes_two_things_of_each_sample() -> None:
    flat = torch.full((300, 3, 8, 8), 0.5)  # only colour can change it
    changed = (augmented(flat, labels(300), "rand")[0] - flat).abs().flatten(1).amax(1) > 1e-4
    assert 0.1 < float(changed.float().mean()) < 0.5, "brightness is one of eight, and two are done"


@pytest.mark.parametrize(("name", "words"), [("rand", "changes of colour"), ("erase", "holes")])
def test_true_pictures_follow_no_change_of_values(name: str, words: str) -> None:
    with pytest.raises(ZooError, match=f"true pictures do not follow {words}"):
        augmented(pictures(), pictures(), name)
