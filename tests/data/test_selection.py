"""Which samples take part: the part set aside for validation, sizes, classes, and the options of a dataset."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from small_datasets import NAMES, animals, bound, counted, pictures

from zoo_core import Preprocess, TensorSpec, ZooError, open_zoo
from zoo_core.data import ArraySplit, BoundDataset, bind_dataset, set_aside
from zoo_core.errors import UsageError


def counts(dataset: BoundDataset, split: str) -> list[int]:
    samples = dataset.load(split)
    return np.bincount(samples.targets, minlength=len(samples.classes)).tolist()


def test_validation_is_a_tenth_of_train_with_the_share_of_each_class() -> None:
    dataset = bound()
    assert dataset.split_names == ("train", "validation", "test")
    assert counts(dataset, "validation") == [10, 6, 3, 1]
    assert counts(dataset, "train") == [90, 54, 27, 9]
    assert counts(dataset, "test") == [10, 10, 10, 10]


def test_train_and_validation_share_nothing_and_miss_nothing() -> None:
    def numbered(root: Path, *, split: str, download: bool) -> ArraySplit:
        inputs = np.zeros((200, 6, 5), np.uint8)
        inputs[:, 0, 0] = np.arange(200)
        return ArraySplit(inputs=inputs, targets=counted(100, 60, 30, 10))

    dataset = bound(numbered)
    train, validation = (dataset.load(split).main[:, 0, 0, 0] for split in ("train", "validation"))
    assert sorted([*train, *validation]) == list(range(200))
    assert train.tolist() == sorted(train)


def test_the_same_samples_on_every_machine() -> None:
    # Golden positions: a change here changes everybody's validation part.
    targets = np.arange(60) % 3
    assert set_aside(targets, 6, purpose="validation").tolist() == [2, 11, 16, 30, 45, 55]
    assert set_aside(targets, 6, stratified=False, purpose="validation").tolist() == [2, 11, 16, 20, 34, 55]
    assert set_aside(targets, 6, purpose="other").tolist() != [2, 11, 16, 30, 45, 55]


def test_a_small_class_is_in_both_parts_where_it_can_be() -> None:
    def few(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=pictures(31), targets=counted(23, 4, 2, 2))

    dataset = bound(few)
    assert counts(dataset, "validation") == [1, 1, 1, 1]
    assert counts(dataset, "train") == [22, 3, 1, 1]


def test_one_sample_cannot_be_divided() -> None:
    dataset = bound(lambda root, *, split, download: ArraySplit(inputs=pictures(1), targets=np.array([2])))
    with pytest.raises(ZooError, match="1 sample for validation leaves none of 1 for training"):
        dataset.load("train")


def test_sizes_of_train_and_validation() -> None:
    dataset = bound(given={"train_size": "20", "val_size": "40"})
    assert counts(dataset, "validation") == [20, 12, 6, 2]
    assert counts(dataset, "train") == [10, 6, 3, 1]
    assert counts(dataset, "test") == [10, 10, 10, 10]


def test_a_smaller_train_part_leaves_validation_and_test_alone() -> None:
    whole, small = bound(), bound(given={"train_size": "20"})
    for split in ("validation", "test"):
        assert whole.load(split).fingerprint == small.load(split).fingerprint
    assert whole.load("train").fingerprint != small.load("train").fingerprint


def test_unstratified_parts() -> None:
    dataset = bound(given={"val_size": "40", "stratified": "no"})
    assert sum(counts(dataset, "validation")) == 40
    assert counts(dataset, "validation") != [20, 12, 6, 2]


def test_a_validation_split_of_the_disk_is_used_and_can_be_made_smaller() -> None:
    def three(root: Path, *, split: str, download: bool) -> ArraySplit:
        size = {"train": 80, "validation": 24, "test": 8}[split]
        return ArraySplit(inputs=pictures(size), targets=np.arange(size) % 4)

    splits = ("train", "validation", "test")
    assert [len(bound(three, splits=splits).load(split)) for split in splits] == [80, 24, 8]
    smaller = bound(three, {"val_size": 8, "train_size": 40}, splits=splits)
    assert [len(smaller.load(split)) for split in splits] == [40, 8, 8]
    assert counts(smaller, "validation") == [2, 2, 2, 2]
    for split in ("train", "validation"):
        with pytest.raises(ZooError, match="split validation: val_size=25, but there are only 24 samples"):
            bound(three, {"val_size": 25}, splits=splits).load(split)


def test_the_test_split_is_never_read_for_training() -> None:
    read = []

    def watched(root: Path, *, split: str, download: bool) -> ArraySplit:
        read.append(split)
        return animals(root, split=split, download=download)

    dataset = bound(watched)
    dataset.load("train")
    dataset.load("validation")
    assert read == ["train"]


@pytest.mark.parametrize(
    ("given", "text", "code"),
    [
        ({"train_size": "200"}, "train_size=200, but there are only 180 samples", 1),
        ({"val_size": "200"}, "200 samples for validation leave none of 200 for training", 1),
        ({"train_size": "0"}, "train_size is at least 1, not 0", 2),
        ({"val_size": "-3"}, "val_size is at least 1, not -3", 2),
        ({"size": "0"}, "size is at least 1, not 0", 2),
        ({"size": "big"}, "size takes int or none, not 'big'", 2),
        ({"trainsize": "9"}, "has no option 'trainsize'", 2),
        ({"classes": "ant,bea"}, "dataset animals has no class 'bea'", 2),
        ({"classes": "ant"}, "one class leaves nothing to tell apart", 2),
        ({"classes": "ant,bee,ant"}, "a class is given twice in classes=ant,bee,ant", 2),
        ({"size": "20000"}, "would become 20000 x 20000, over 50 megapixels", 1),
    ],
)
def test_options_that_cannot_be(given: dict[str, str], text: str, code: int) -> None:
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound(given=given).load("train")
    assert caught.value.exit_code == code
    assert caught.value.hint


def test_more_pictures_than_memory_is_said() -> None:
    def many(root: Path, *, split: str, download: bool) -> ArraySplit:
        inputs = np.broadcast_to(np.zeros((6, 5), np.uint8), (5_000_000, 6, 5))
        return ArraySplit(inputs=inputs, targets=np.arange(5_000_000) % 4)

    with pytest.raises(ZooError, match=r"need 2\d\d,\d\d\d GB of memory, more than there is"):
        bound(many, {"size": "7000"}).load("train")


def test_a_required_option_of_the_dataset() -> None:
    def picky(root: Path, *, split: str, download: bool, year: int) -> ArraySplit:
        assert year == 1998
        return animals(root, split=split, download=download)

    with pytest.raises(UsageError, match="dataset animals needs year") as caught:
        bound(picky)
    assert caught.value.hint == "-d year=..."
    assert len(bound(picky, {"year": "1998"}).load("test")) == 40


def test_options_are_all_there_and_reach_the_loader() -> None:
    dataset = bound(given={"shade": "255", "root": "some/where"})
    assert dataset.options == {
        "root": "some/where",
        "classes": (),
        "train_size": None,
        "val_size": None,
        "val_fold": None,
        "test_size": None,
        "stratified": True,
        "size": None,
        "skip_bad": False,
        "shade": 255,
    }
    assert dataset.root == Path("some/where")
    assert dataset.load("train").main.min() == 255


def test_the_default_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    assert bound().root == tmp_path / "animals"
    monkeypatch.delenv("ZOO_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert bound().root.parts[-2:] == ("datasets", "animals")
    assert bound(given={"root": "~/x"}).root == Path.home() / "x"


def test_some_classes_in_the_order_given() -> None:
    dataset = bound(given={"classes": "dog,ant"})
    assert dataset.class_names() == ("dog", "ant")
    assert dataset.num_classes == 2
    assert counts(dataset, "train") == [9, 90]
    assert counts(dataset, "test") == [10, 10]
    everything, chosen = bound().load("test"), dataset.load("test")
    assert chosen.classes == ("dog", "ant")
    dogs = everything.main[everything.targets == 3]
    assert (chosen.main[chosen.targets == 0] == dogs).all()


def test_a_class_without_samples() -> None:
    dataset = bound(
        lambda root, *, split, download: ArraySplit(inputs=pictures(20), targets=np.arange(20) % 2),
        {"classes": "ant,cow"},
    )
    with pytest.raises(ZooError, match="split train has no sample of class cow"):
        dataset.load("train")


def test_size_changes_shapes_and_recipe_before_anything_is_read() -> None:
    def unread(root: Path, *, split: str, download: bool) -> ArraySplit:
        raise AssertionError("nothing was to be read")

    dataset = bound(unread, {"size": "12"})
    assert dataset.inputs == {"image": TensorSpec("N", 1, 12, 12)}
    assert dataset.preprocess == Preprocess(color="L", resize=(12, 12))
    assert dataset.input_name == "image"
    assert dataset.class_names() == NAMES
    assert bound(given={"size": "12"}).load("test").batch(slice(0, 3)).shape == (3, 1, 12, 12)


def test_size_with_channels_last_and_a_crop() -> None:
    recipe = Preprocess(resize=8, crop=(4, 4), layout="NHWC")
    inputs = {"image": TensorSpec("N", 4, 4, 3)}
    dataset = bound(given={"size": "16"}, preprocess=recipe, inputs=inputs)
    assert dataset.inputs == {"image": TensorSpec("N", 16, 16, 3)}
    assert dataset.load("test").batch(np.array([0, 5])).shape == (2, 16, 16, 3)


def test_digits_by_the_catalogue() -> None:
    dataset = bind_dataset(open_zoo().dataset("digits"), {"classes": "3,8", "train_size": "50"})
    assert (dataset.name, dataset.plugin) == ("digits", "zoo-core:digits")
    assert counts(dataset, "train") == [26, 24]  # of 128 and 121
