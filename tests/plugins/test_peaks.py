"""The generated dataset peaks: the recipe of the tutorial, frozen numbers, splits that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core import open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import UsageError


def peaks(**given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset("peaks"), {key: str(value) for key, value in given.items()})


def test_sequences_and_masks() -> None:
    dataset = peaks()
    assert dataset.split_names == ("train", "validation", "test")
    assert dataset.num_classes == 1
    assert dataset.class_names() == ("background", "peak")
    assert dataset.inputs["sequence"].axes == ("N", 1, 100)
    for split in dataset.split_names:
        part = dataset.load(split)
        assert part.main.shape == (200, 1, 100)
        assert part.main.dtype == part.batch(slice(0, 3)).dtype == np.float32
        assert part.targets.shape == (200, 100)
        assert set(np.unique(part.targets)) == {0, 1}


@pytest.mark.parametrize("length", [4, 5, 99, 256])
def test_options(length: int) -> None:
    dataset = peaks(length=length, count=7)
    assert dataset.inputs["sequence"].axes == ("N", 1, length)
    part = dataset.load("test")
    assert part.main.shape == (7, 1, length)
    assert part.targets.shape == (7, length)
    assert np.isfinite(part.main).all()


def test_the_recipe_of_the_tutorial() -> None:
    part = peaks(count=20_000).load("train")
    values, masks = part.main[:, 0].astype(np.float64), part.targets.astype(bool)
    edges = np.abs(np.diff(masks.astype(int), axis=1, prepend=0, append=0))
    assert (edges.sum(axis=1) == 2).all()  # one peak, without a gap
    start, stop = masks.argmax(axis=1), 100 - masks[:, ::-1].argmax(axis=1)
    assert (start.min(), start.max()) == (0, 49)
    assert (stop - start).min() == 1
    assert stop.max() == 99
    assert np.bincount(start, minlength=50) == pytest.approx(np.full(50, 400), rel=0.2)
    assert (stop - start)[start == 0].mean() == pytest.approx(50, abs=4)
    inside, outside = values[masks].mean(), values[~masks].mean()
    assert inside - outside == pytest.approx(2, abs=0.05)
    assert outside == pytest.approx(0, abs=0.02)
    # Outside the peak: a sine of amplitude 0.5 to 1.5 (mean square 13/24) and noise of 0.1.
    assert (values[~masks] ** 2).mean() == pytest.approx(13 / 24 + 0.01, abs=0.02)
    assert np.abs(values[~masks]).max() < 1.5 + 0.6
    assert values[masks].max() < 3 + 1.5 + 0.6


def test_what_is_left_after_the_sine_is_normal_noise() -> None:
    part = peaks(count=400, length=400).load("validation")
    left = []
    for row, mask in zip(part.main[:, 0].astype(np.float64), part.targets, strict=True):
        place = np.flatnonzero(mask == 0)[-100:]
        frequencies = np.linspace(0.05, 0.2, 3001)
        angles = 2 * np.pi * np.outer(place, frequencies)
        power = np.abs(row[place] @ np.exp(1j * angles))
        best = frequencies[power.argmax()]
        design = np.stack([np.sin(2 * np.pi * best * place), np.cos(2 * np.pi * best * place)], axis=1)
        left.append(row[place] - design @ np.linalg.lstsq(design, row[place], rcond=None)[0])
    noise = np.concatenate(left)
    assert noise.std() == pytest.approx(0.1, abs=0.005)
    assert (noise**4).mean() / (noise**2).mean() ** 2 == pytest.approx(3, abs=0.2)


def test_the_same_numbers_on_every_machine() -> None:
    # Golden values: a change here changes everybody's data.
    part = peaks(length=8, count=2).load("train")
    assert part.targets.tolist() == GOLDEN_MASKS
    assert part.main[:, 0] == pytest.approx(np.array(GOLDEN_VALUES), abs=1e-6)


GOLDEN_MASKS = [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1, 0]]
GOLDEN_VALUES = [
    [2.152523, 1.946268, -0.360036, -0.913274, -1.151831, -0.089559, 0.479741, 1.05075],
    [0.59433, -0.044491, -0.760426, 0.634157, 0.065048, 0.23368, 0.487088, -0.377631],
]


def test_more_sequences_leave_the_first_ones_alone() -> None:
    few, many = peaks(count=10).load("train"), peaks(count=300).load("train")
    assert (few.main == many.main[:10]).all()
    assert (few.targets == many.targets[:10]).all()


def test_splits_and_seeds_share_no_sequence() -> None:
    seen = [
        {row.tobytes() for row in peaks(seed=seed).load(split).main}
        for seed in (0, 1, 2)
        for split in ("train", "validation", "test")
    ]
    assert len(set().union(*seen)) == sum(map(len, seen)) == 9 * 200
    first = peaks().load("train").main.ravel()
    for other in (peaks().load("test"), peaks(seed=1).load("train")):
        assert abs(np.corrcoef(first, other.main.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"length": 3}, "dataset peaks: length is 4 to 1,000,000, not 3"),
        ({"length": 0}, "dataset peaks: length is at least 1, not 0"),
        ({"count": 0}, "dataset peaks: count is 1 to 10,000,000, not 0"),
        ({"seed": -1}, "dataset peaks: seed is 0 to 18,446,744,073,709,551,615, not -1"),
        ({"length": 100_000, "count": 100_000}, "100,000 sequences of 100,000 values are too many"),
        ({"size": 32}, "dataset peaks has no pictures to resize"),
        ({"classes": "peak,background"}, "dataset peaks has no samples of one class"),
    ],
)
def test_options_that_cannot_be(given: dict[str, int], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        peaks(**given).load("train")
    assert text in caught.value.message
    assert caught.value.hint
