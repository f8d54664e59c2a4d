"""Splits of several named inputs, of any dtype: what loaders may give, and what becomes of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zoo_core import DatasetSpec, TensorSpec, ZooError
from zoo_core.data import ArraySplit, BoundDataset, bind_dataset
from zoo_core.registry import Dataset
from zoo_core.training import Feed

INPUTS = {
    "tokens": TensorSpec("N", 5, dtype="int64", low=0, high=9),
    "known": TensorSpec("N", 5, dtype="bool"),
    "numbers": TensorSpec("N", 2),
}


def arrays(count: int = 40, *, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "numbers": random.normal(size=(count, 2)).astype(np.float32),
        "tokens": random.integers(0, 9, (count, 5)),
        "known": random.random((count, 5)) < 0.5,
    }


def bound(
    given: Any, targets: Any = None, *, task: str = "image-classification", root: Path | None = None
) -> BoundDataset:
    def load(root: Path, *, split: str, download: bool) -> ArraySplit:
        count = len(given["tokens"]) if isinstance(given, Mapping) and "tokens" in given else 40
        return ArraySplit(inputs=given, targets=np.arange(count) % 2 if targets is None else targets)

    spec = DatasetSpec(
        name="rows", load=load, task=task, summary="rows", inputs=INPUTS, classes=("no", "yes"), splits=("train",)
    )
    return bind_dataset(Dataset(spec=spec, plugin="test:rows"), {})


def test_every_input_comes_by_its_name_and_in_its_own_dtype() -> None:
    given = arrays()
    train = bound(given).load("train")
    assert list(train.inputs) == ["tokens", "known", "numbers"]
    batch = train.batch(slice(0, 3))
    assert isinstance(batch, dict)
    assert {name: (values.dtype.name, values.shape) for name, values in batch.items()} == {
        "tokens": ("int64", (3, 5)),
        "known": ("bool", (3, 5)),
        "numbers": ("float32", (3, 2)),
    }
    both = [bound(given).load(split) for split in ("train", "validation")]
    joined = np.concatenate([part.inputs["tokens"] for part in both])
    assert sorted(map(tuple, joined)) == sorted(map(tuple, given["tokens"]))


def test_the_fingerprint_knows_each_input() -> None:
    usual = bound(arrays()).load("train").fingerprint
    assert bound(arrays()).load("train").fingerprint == usual
    for name in INPUTS:
        changed = arrays()
        changed[name] = changed[name].copy()
        changed[name][:, 0] = changed[name][:, 1]
        assert bound(changed).load("train").fingerprint != usual
    swapped = arrays()
    assert bound(swapped, np.arange(40)[::-1] % 2).load("train").fingerprint != usual


def test_samples_are_taken_renamed_and_ordered() -> None:
    train = bound(arrays()).load("train")
    two = train.named({"x": "numbers", "ids": "tokens"})
    assert list(two.inputs) == ["x", "ids"]
    assert np.array_equal(two.inputs["x"], train.inputs["numbers"])
    assert list(train.for_model(["tokens", "numbers"]).inputs) == ["tokens", "numbers"]
    assert list(train.named({"x": "numbers"}).for_model(["image"]).inputs) == ["x"]  # an only one goes by any name
    with pytest.raises(ZooError, match="none is called 'image'"):
        train.for_model(["image"])
    some = train.at(np.array([3, 1]))
    assert len(some) == 2
    assert np.array_equal(some.inputs["tokens"], train.inputs["tokens"][[3, 1]])
    assert np.array_equal(some.targets, train.targets[[3, 1]])


def test_the_feed_gives_tensors_by_name_that_belong_together() -> None:
    given = arrays()
    given["tokens"][:, 0] = np.arange(40) % 9
    given["numbers"][:, 0] = given["tokens"][:, 0]
    feed = Feed(bound(given).load("train"), batch_size=7)
    seen = 0
    for inputs, _ in feed.shuffled(seed=1, epoch=1):
        assert isinstance(inputs, dict)
        assert inputs["tokens"].dtype == torch.int64
        assert inputs["known"].dtype == torch.bool
        assert torch.equal(inputs["tokens"][:, 0].float(), inputs["numbers"][:, 0])
        seen += len(inputs["tokens"])
    assert seen == len(feed)
    augmented = dataclasses.replace(bound(given).load("train"))
    with pytest.raises(ZooError, match="samples of several inputs cannot be augmented"):
        Feed(augmented, batch_size=7, augment=lambda *arguments, **named: arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((40, 5)), "the loader gives an array without a name, and the dataset declares 'tokens', 'known'"),
        ({"tokens": np.zeros((40, 5))}, "the loader gives 'tokens', and the dataset declares 'tokens', 'known'"),
        ({**arrays(), "tokens": [[1]]}, "input 'tokens' is a numpy array (samples, ...), not list"),
        (
            {**arrays(), "known": arrays(30)["known"]},
            "inputs differ in the number of samples: 40 of 'numbers', 40 of 'tokens', 30 of 'known'",
        ),
        (
            {**arrays(), "tokens": arrays()["tokens"].astype(np.int32)},
            "split train, 'tokens': arrays without preprocessing are int64, not int32 of shape",
        ),
        ({**arrays(), "numbers": np.zeros((40, 3), np.float32)}, "'numbers' has the shape (N, 3), but the dataset"),
    ],
)
def test_loaders_that_break_the_contract(given: Any, words: str) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        bound(given).load("train")


@pytest.mark.parametrize(
    ("task", "targets", "words"),
    [
        (
            "multilabel-classification",
            np.zeros((40, 3), int),
            "need flags of shape (40, 2), not int64 of shape (40, 3)",
        ),
        ("multilabel-classification", np.full((40, 2), 2), "a flag is 0 or 1, not 2"),
        ("regression", np.array(["a"] * 40), "need as many numbers, of shape (N,) or (N, K), not <U1 of shape (40,)"),
        ("regression", np.full((40, 2), np.nan), "the target of sample 0 is not a finite number"),
        ("regression", np.zeros((40, 3)), "3 numbers a sample, but 2 names for them"),
        ("detection", np.zeros(40, int), "40 samples need BoxTargets of as many, not ndarray"),
    ],
)
def test_targets_that_are_not_what_the_task_takes(task: str, targets: Any, words: str) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        bound(arrays(), targets, task=task).load("train")


def test_flags_and_numbers_have_no_class_to_choose_by() -> None:
    flags = bound(arrays(), np.eye(2, dtype=int)[np.arange(40) % 2], task="multilabel-classification")
    train = flags.load("train")
    assert (train.form, train.targets.dtype, train.targets.shape) == ("flags", np.uint8, (36, 2))
    assert flags.count("train") == (36, None)
    assert flags.num_classes == 2
    numbers = bound(arrays(), np.arange(80.0).reshape(40, 2), task="regression")
    assert (numbers.load("train").targets.dtype, numbers.num_targets, numbers.num_classes) == (np.float32, 2, None)
    for dataset, why in ((flags, "several classes, or to none"), (numbers, "a sample has numbers, and no class")):
        source = Dataset(spec=dataset.spec, plugin="test:rows")
        with pytest.raises(ZooError, match=f"has no samples of one class: .*{why}"):
            bind_dataset(source, {"classes": "no,yes"})
        with pytest.raises(ZooError, match="cannot be stratified"):
            bind_dataset(source, {"stratified": "true"})
