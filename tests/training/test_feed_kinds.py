"""Batches are the same to the bit wherever the samples lie, and however many processes read them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streams
import torch
from small_jobs import make_samples  # noqa: F401 torch is loaded as for other feeds

from zoo_core.data import Feeding, Samples
from zoo_core.training import Augment, Feed, Mix, balanced

COUNT = 50


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


def samples_of(kind: Any, workers: int = 1) -> Samples:
    dataset = streams.dataset(streams.pictures, COUNT, kind="content", given={"val_size": 4})
    return dataset.load("train", feeding=Feeding(kind=kind, workers=workers))


def feed_of(samples: Samples, *, changed: bool = True) -> Feed:
    if not changed:
        return Feed(samples, batch_size=16)
    return Feed(
        samples,
        batch_size=16,
        augment=Augment(names=("flip", "crop", "erase"), seed=3),
        sampler=balanced(samples.targets),
        mix=Mix(mixup=0.2, cutmix=1.0, seed=3),
        side_in=lambda epoch: 1.0 if epoch == 1 else 3 / 4,
    )


def parts(value: Any) -> list[bytes]:
    if isinstance(value, torch.Tensor):
        return [value.contiguous().numpy().tobytes()]
    return [part for each in (value.first, value.second, value.share) for part in parts(each)]


def digests(batches: Iterator[tuple[Any, Any]]) -> list[str]:
    """What each batch is."""
    return [hashlib.sha256(b"".join([*parts(inputs), *parts(targets)])).hexdigest() for inputs, targets in batches]


@pytest.mark.parametrize(("kind", "workers"), [("stored", 2), ("streamed", 0), ("streamed", 1), ("streamed", 3)])
def test_batches_are_equal_to_the_bit_wherever_samples_lie(kind: str, workers: int) -> None:
    usual, other = samples_of("memory"), samples_of(kind, workers)
    assert isinstance(usual.main, np.ndarray)
    assert not isinstance(other.main, np.ndarray)
    for changed in (True, False):
        wanted, found = feed_of(usual, changed=changed), feed_of(other, changed=changed)
        for epoch in (1, 2):
            whole = digests(wanted.shuffled(seed=5, epoch=epoch))
            assert digests(found.shuffled(seed=5, epoch=epoch)) == whole
            for after in (1, 3):
                assert digests(found.shuffled(seed=5, epoch=epoch, after=after)) == whole[after:]
        assert digests(found.in_order()) == digests(wanted.in_order())


def test_an_epoch_that_is_left_in_the_middle_disturbs_no_other() -> None:
    usual, other = feed_of(samples_of("memory")), feed_of(samples_of("streamed", 2))
    first, second = other.shuffled(seed=0, epoch=1), other.shuffled(seed=0, epoch=2)
    begun = digests(iter([next(first), next(second), next(second)]))
    first.close()
    assert begun + digests(second) == (
        digests(usual.shuffled(seed=0, epoch=1))[:1] + digests(usual.shuffled(seed=0, epoch=2))
    )
    assert digests(other.shuffled(seed=0, epoch=1)) == digests(usual.shuffled(seed=0, epoch=1))
