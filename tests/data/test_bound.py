"""Samples of a bound dataset: arrays and files, fingerprints, and loaders that break the contract."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_datasets import animals, bound, counted, pictures

from zoo_core import TensorSpec, ZooError, open_zoo
from zoo_core.data import ArraySplit, FileSplit, bind_dataset
from zoo_core.errors import UsageError


def test_float_arrays_without_preprocessing() -> None:
    values = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)

    def vectors(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=values, targets=np.arange(40) % 4)

    fields: dict[str, Any] = {"preprocess": None, "inputs": {"x": TensorSpec("N", 7)}}
    samples = bound(vectors, **fields).load("test")
    assert samples.batch(slice(3, 5)).tolist() == values[3:5].tolist()
    assert samples.preprocess is None
    with pytest.raises(UsageError, match="has no pictures to resize"):
        bound(vectors, {"size": "3"}, **fields)
    with pytest.raises(ZooError, match=re.escape("arrays without preprocessing are float32, not uint8")):
        bound(**fields).load("test")
    with pytest.raises(ZooError, match=re.escape("pictures are uint8 (N, H, W[, C]), not float32 of shape (40, 7)")):
        bound(vectors).load("test")


def test_fingerprints_follow_content_targets_and_class_names() -> None:
    first = bound().load("test").fingerprint
    assert first == bound().load("test").fingerprint
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert bound(given={"shade": 1}).load("test").fingerprint != first
    assert bound(classes=("ant", "bee", "cow", "cat")).load("test").fingerprint != first
    shifted = bound(
        lambda root, *, split, download: ArraySplit(inputs=pictures(40), targets=(counted(10, 10, 10, 10) + 1) % 4)
    )
    assert shifted.load("test").fingerprint != first
    # The content counts, not what the recipe makes of it.
    assert bound(given={"size": 9}).load("test").fingerprint == first


def test_files_are_hashed_by_their_bytes(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{index}.png" for index in range(4))
    for path, pixels in zip(paths, pictures(4), strict=True):
        Image.fromarray(pixels).save(path)

    def load(root: Path, *, split: str, download: bool) -> FileSplit:
        return FileSplit(paths=paths, targets=np.arange(4))

    first = bound(load).load("test")
    assert (first.main[:, 0] == pictures(4)).all()
    with Image.open(paths[2]) as image:
        image.save(paths[2], compress_level=0)
    second = bound(load).load("test")
    assert (first.main == second.main).all()
    assert first.fingerprint != second.fingerprint
    with pytest.raises(ZooError, match="files need a recipe, and the dataset declares none"):
        bound(load, preprocess=None).load("test")


def test_a_dataset_without_a_test_split() -> None:
    dataset = bound(splits=("train",))
    assert dataset.split_names == ("train", "validation")
    with pytest.raises(ZooError, match="dataset animals has no test split") as caught:
        dataset.load("test")
    assert caught.value.exit_code == 1
    with pytest.raises(UsageError, match="there is no split 'tset'") as caught:
        dataset.load("tset")
    assert "'test'" in str(caught.value.hint)


GARBAGE: list[tuple[Any, str]] = [
    (None, "returned NoneType, not an ArraySplit or a FileSplit"),
    ({"inputs": 1}, "returned dict, not an ArraySplit or a FileSplit"),
    (ArraySplit(inputs=[[1]], targets=np.array([0])), "input 'image' is a numpy array (samples, ...), not list"),
    (ArraySplit(inputs=pictures(3), targets=np.array([0, 1])), "3 samples need as many whole numbers as targets"),
    (ArraySplit(inputs=pictures(2), targets=np.array([0.0, 1.0])), "not float64 of shape (2,)"),
    (ArraySplit(inputs=pictures(2), targets=np.array([0, 4])), "targets from 0 to 4, but 4 classes"),
    (ArraySplit(inputs=pictures(2), targets=np.array([-1, 0])), "targets from -1 to 0, but 4 classes"),
    (ArraySplit(inputs=pictures(0), targets=np.array([], int)), "has no samples"),
    (ArraySplit(inputs=pictures(2), targets=np.array([0, 0]), classes=("a", "a")), "a class name appears twice: a, a"),
    (ArraySplit(inputs=pictures(4)[:, :5], targets=np.arange(4)), ""),
    (ArraySplit(inputs=np.zeros((2, 6, 5, 4), np.uint8), targets=np.arange(2)), "1 or 3 channels, not 4"),
]


@pytest.mark.parametrize(("answer", "text"), GARBAGE, ids=[text for _, text in GARBAGE])
def test_loaders_that_break_the_contract(answer: Any, text: str) -> None:
    dataset = bound(lambda root, *, split, download: answer)
    if not text:  # another size is what the recipe is for
        assert dataset.load("train").main.shape[2:] == (6, 5)
        return
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        dataset.load("train")
    assert caught.value.exit_code == 1
    assert "dataset animals" in caught.value.message or "channels" in text


def test_samples_of_another_shape_than_declared() -> None:
    with pytest.raises(
        ZooError, match=re.escape("the samples have the shape (N, 1, 6, 5), but the dataset declares (N, 3, 6, 5)")
    ):
        bound(inputs={"image": TensorSpec("N", 3, 6, 5)}).load("test")


def test_a_loader_that_raises() -> None:
    def broken(root: Path, *, split: str, download: bool) -> ArraySplit:
        return {}["no"]

    with pytest.raises(
        ZooError, match=re.escape("dataset animals (plugin test:animals) could not be loaded: KeyError: 'no'")
    ):
        bound(broken).load("train")

    def unreadable(root: Path, *, split: str, download: bool) -> ArraySplit:
        raise PermissionError(13, "Permission denied", "/x")

    with pytest.raises(ZooError, match=r"dataset animals could not be loaded: .*Permission denied: '/x'"):
        bound(unreadable).load("train")


def test_a_loader_whose_packages_are_absent() -> None:
    def load(root: Path, *, split: str, download: bool, module: str = "not_there") -> ArraySplit:
        importlib.import_module(module)
        return animals(root, split=split, download=download)

    with pytest.raises(ZooError, match="dataset animals needs the package 'notthere>=2', which is not") as caught:
        bound(load, needs=("numpy>=1", "notthere>=2")).load("train")
    assert caught.value.hint == "pip install 'notthere>=2'"
    with pytest.raises(ZooError, match="dataset animals needs the packages 'nor-this', 'notthere', which are not"):
        bound(load, needs=("nor-this", "notthere")).load("train")
    # The name of a distribution counts too; and what is not declared is told when it is missed.
    with pytest.raises(ZooError, match="dataset animals: its loader needs the package 'not_there', which is") as caught:
        bound(load, needs=("pytest-timeout",)).load("train")
    assert (caught.value.hint, caught.value.exit_code) == ("pip install not_there", 1)
    with pytest.raises(ZooError, match="could not be loaded: ModuleNotFoundError: No module named 'numpy"):
        bound(load, {"module": "numpy.typo"}).load("train")


def test_nothing_names_the_classes() -> None:
    with pytest.raises(ZooError, match="neither the dataset nor the loaded data name the classes"):
        bound(classes=None, given={"root": "."}).load("train")


def test_classes_that_only_the_data_know(tmp_path: Path) -> None:
    def found(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=pictures(20), targets=np.arange(20) % 2, classes=("yes", "no"))

    assert bound(found, classes=None).class_names() is None
    assert bound(found, classes=None).num_classes is None
    with pytest.raises(UsageError, match="dataset animals needs the folder of your data, or their file") as caught:
        bound(found, classes=None).load("train")
    assert caught.value.hint == "-d root=PATH; see zoo info animals"
    there = {"root": str(tmp_path)}
    assert bound(found, there, classes=None).class_names() == ("yes", "no")
    assert bound(found, {**there, "classes": "no,yes"}, classes=None).class_names() == ("no", "yes")
    with pytest.raises(UsageError, match="has no class 'maybe'"):
        bound(found, {**there, "classes": "no,maybe"}, classes=None).class_names()


def test_a_test_part_is_set_aside_before_all_others() -> None:
    dataset = open_zoo().dataset("peaks")
    kept = dataclasses.replace(dataset, spec=dataclasses.replace(dataset.spec, splits=("train",)))
    plain, tested = bind_dataset(kept, {}), bind_dataset(kept, {"test_size": 30, "val_size": 20})
    assert plain.split_names == ("train", "validation")
    assert tested.split_names == ("train", "validation", "test")
    parts = {split: {row.tobytes() for row in tested.load(split).main} for split in tested.split_names}
    assert [len(parts[split]) for split in ("validation", "test")] == [20, 30]
    assert not parts["train"] & parts["test"]
    assert not parts["validation"] & parts["test"]
    everything = {row.tobytes() for split in plain.split_names for row in plain.load(split).main}
    assert set.union(*parts.values()) == everything
    fewer = bind_dataset(dataset, {"test_size": 7})
    assert len(fewer.load("test")) == 7
    assert fewer.load("train").fingerprint == bind_dataset(dataset, {}).load("train").fingerprint
    with pytest.raises(UsageError, match="test_size is at least 1, not 0"):
        bind_dataset(dataset, {"test_size": 0})
