"""The feed: every sample once, in an order of seed and epoch alone, and each with its target."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_jobs import make_samples

from zoo_core.training import (
    Augment,
    Feed,
    Mix,
    balanced,
)


def test_an_epoch_feeds_each_sample_once_in_an_order_of_seed_and_epoch_alone() -> None:
    feed = Feed(make_samples(50, preprocess=None), batch_size=16)

    def order(seed: int, epoch: int) -> list[float]:
        return [float(value) for inputs, _ in feed.shuffled(seed=seed, epoch=epoch) for value in inputs[:, 0, 0, 0]]

    first = order(0, 1)
    assert len(first) == 50
    assert order(0, 1) == first == order(0, 1)
    assert sorted(order(0, 2)) == sorted(first)
    assert order(0, 2) != first
    assert order(1, 1) != first


@pytest.mark.parametrize("after", [0, 1, 3, 4])
@pytest.mark.parametrize("sampling", ["shuffled", "balanced"])
def test_the_batches_after_some_are_the_tail_of_the_whole(after: int, sampling: str) -> None:
    samples = make_samples(50, preprocess=None)
    feed = Feed(
        samples,
        batch_size=16,
        augment=Augment(names=("flip", "crop"), seed=3),
        sampler=balanced(samples.targets) if sampling == "balanced" else None,
        mix=Mix(mixup=0.2, cutmix=1.0, seed=3),
        side_in=lambda epoch: 3 / 4,
    )
    whole = list(feed.shuffled(seed=3, epoch=2))[after:]
    tail = list(feed.shuffled(seed=3, epoch=2, after=after))
    assert len(tail) == len(whole) == 4 - after
    for (inputs, targets), (again, same) in zip(whole, tail, strict=True):
        assert torch.equal(inputs, again)
        assert torch.equal(targets.first, same.first)
        assert torch.equal(targets.second, same.second)
        assert torch.equal(targets.share, same.share)


def test_targets_stay_with_their_inputs() -> None:
    samples = make_samples(50, preprocess=None)
    for inputs, targets in Feed(samples, batch_size=16).shuffled(seed=0, epoch=1):
        assert (inputs.amax(dim=(1, 2, 3)) * 255 // 80).long().tolist() == targets.tolist()


@pytest.mark.parametrize(("count", "sizes"), [(48, [16, 16, 16]), (49, [16, 16, 17]), (50, [16, 16, 16, 2]), (1, [1])])
def test_a_single_last_sample_joins_the_batch_before_it(count: int, sizes: list[int]) -> None:
    feed = Feed(make_samples(count), batch_size=16)
    assert [len(targets) for _, targets in feed.shuffled(seed=0, epoch=1)] == sizes
    assert feed.steps == len(sizes)
    assert sum(len(targets) for _, targets in feed.in_order()) == count


def test_normalising_up_front_or_batch_by_batch_gives_the_same_bits_as_the_samples_own_batches() -> None:
    samples = make_samples(2500)
    wanted = samples.batch(slice(0, 2500))
    for ready_bytes in (0, 1 << 30):
        feed = Feed(samples, batch_size=700, ready_bytes=ready_bytes)
        found = torch.cat([inputs for inputs, _ in feed.in_order()]).numpy()
        assert found.dtype == np.float32
        assert np.array_equal(found, wanted)


def test_read_only_arrays_are_fed_without_a_warning() -> None:
    samples = make_samples(preprocess=None)
    samples.main.flags.writeable = False
    samples.targets.flags.writeable = False
    assert sum(len(targets) for _, targets in Feed(samples, batch_size=16).in_order()) == 50
