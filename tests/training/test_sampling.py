"""Balanced sampling: alike for each class, and each place of an epoch a function of seed, epoch and place."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_jobs import make_job, make_samples

from zoo_core import open_zoo
from zoo_core.errors import UsageError
from zoo_core.training import Augment, Feed, balanced

CLASSES = np.repeat(np.arange(3), (70, 25, 5)).astype(np.int64)


def test_each_class_has_as_many_places_and_rare_samples_come_again() -> None:
    sampler = balanced(CLASSES)
    for epoch in (1, 2, 3):
        order = sampler(0, epoch)
        counts = np.bincount(CLASSES[order.samples.numpy()])
        assert len(order.samples) == len(CLASSES)
        assert counts.max() - counts.min() <= 1
        rare = np.bincount(order.samples.numpy(), minlength=100)[95:]
        assert rare.max() - rare.min() <= 1, "each rare one about as often"
        assert np.bincount(order.samples.numpy())[:70].max() == 1, "no frequent one twice"


def test_places_depend_on_seed_and_epoch_alone_and_others_are_left_out_each_time() -> None:
    first, second = balanced(CLASSES)(3, 1), balanced(CLASSES)(3, 2)
    assert torch.equal(balanced(CLASSES)(3, 1).samples, first.samples)
    assert not torch.equal(first.samples, second.samples)
    assert not torch.equal(balanced(CLASSES)(4, 1).samples, first.samples)
    assert set(first.samples[first.samples < 70].tolist()) != set(second.samples[second.samples < 70].tolist())


def test_a_sample_that_comes_again_in_an_epoch_is_augmented_anew() -> None:
    order = balanced(CLASSES)(0, 1)
    assert len(set(order.keys.tolist())) == len(order.keys)
    assert torch.equal(order.keys % len(CLASSES), order.samples)
    samples = make_samples(60)
    few = dataclasses.replace(samples, targets=np.repeat([0, 1], [58, 2]).astype(np.int64))
    feed = Feed(few, batch_size=60, sampler=balanced(few.targets), augment=Augment(names=("affine",), seed=0))
    inputs, targets = next(feed.shuffled(seed=0, epoch=1))
    assert isinstance(targets, torch.Tensor)
    assert isinstance(inputs, torch.Tensor)
    assert len(torch.unique(inputs[targets == 1].flatten(1), dim=0)) > 20


def test_samples_without_a_class_are_refused_before_the_first_step() -> None:
    job = make_job(sampling="balanced")
    numbers = dataclasses.replace(
        job.train, form="numbers", targets=job.train.targets[:, None].astype(np.float32), classes=("x",)
    )
    check = open_zoo().trainer("supervised").spec.check
    assert check is not None
    with pytest.raises(UsageError, match=r"sampling=balanced is for samples .* what is true of these is numbers"):
        check(dataclasses.replace(job, train=numbers))
