"""Which samples take part, and what a bound dataset says: options, splits, classes, sizes, fingerprints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import DatasetSpec, Preprocess, TensorSpec, ZooError, open_zoo
from zoo_core.data import ArraySplit, BoundDataset, FileSplit, bind_dataset, set_aside
from zoo_core.errors import UsageError
from zoo_core.registry import Dataset

NAMES = ("ant", "bee", "cow", "dog")


def pictures(count: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 5), dtype=np.uint8)


def counted(*counts: int) -> np.ndarray:
    """Targets with so many of each class, mixed."""
    targets = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(9).permutation(targets)


def animals(root: Path, *, split: str, download: bool, shade: int = 0) -> ArraySplit:
    """200 train and 40 test pictures."""
    counts = (100, 60, 30, 10) if split == "train" else (10, 10, 10, 10)
    return ArraySplit(inputs=pictures(sum(counts)) | np.uint8(shade), targets=counted(*counts))


def bound(load: Callable[..., Any] = animals, given: dict[str, Any] | None = None, **changes: Any) -> BoundDataset:
    fields: dict[str, Any] = {
        "name": "animals",
        "task": "image-classification",
        "summary": "some animals",
        "inputs": {"image": TensorSpec("N", 1, 6, 5)},
        "classes": NAMES,
        "preprocess": Preprocess(color="L", resize=(6, 5)),
        **changes,
    }
    return bind_dataset(Dataset(spec=DatasetSpec(load=load, **fields), plugin="test:animals"), given or {})


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
    train, validation = (dataset.load(split).inputs[:, 0, 0, 0] for split in ("train", "validation"))
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
    with pytest.raises(ZooError, match="1 samples for validation leave none of 1 for training"):
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
        "stratified": True,
        "size": None,
        "shade": 255,
    }
    assert dataset.root == Path("some/where")
    assert dataset.load("train").inputs.min() == 255


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
    dogs = everything.inputs[everything.targets == 3]
    assert (chosen.inputs[chosen.targets == 0] == dogs).all()


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
    assert (first.inputs[:, 0] == pictures(4)).all()
    with Image.open(paths[2]) as image:
        image.save(paths[2], compress_level=0)
    second = bound(load).load("test")
    assert (first.inputs == second.inputs).all()
    assert first.fingerprint != second.fingerprint
    with pytest.raises(ZooError, match="picture files need a preprocessing recipe"):
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
    (ArraySplit(inputs=[[1]], targets=np.array([0])), "inputs are a numpy array, not list"),
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
        assert dataset.load("train").inputs.shape[2:] == (6, 5)
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


def test_nothing_names_the_classes() -> None:
    with pytest.raises(ZooError, match="neither the dataset nor the loaded data name the classes"):
        bound(classes=None, given={"root": "."}).load("train")


def test_classes_that_only_the_data_know(tmp_path: Path) -> None:
    def found(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=pictures(20), targets=np.arange(20) % 2, classes=("yes", "no"))

    assert bound(found, classes=None).class_names() is None
    assert bound(found, classes=None).num_classes is None
    with pytest.raises(UsageError, match="dataset animals needs the folder of your data"):
        bound(found, classes=None).load("train")
    there = {"root": str(tmp_path)}
    assert bound(found, there, classes=None).class_names() == ("yes", "no")
    assert bound(found, {**there, "classes": "no,yes"}, classes=None).class_names() == ("no", "yes")
    with pytest.raises(UsageError, match="has no class 'maybe'"):
        bound(found, {**there, "classes": "no,maybe"}, classes=None).class_names()


def test_digits_by_the_catalogue() -> None:
    dataset = bind_dataset(open_zoo().dataset("digits"), {"classes": "3,8", "train_size": "50"})
    assert (dataset.name, dataset.plugin) == ("digits", "zoo-core:digits")
    assert counts(dataset, "train") == [26, 24]  # of 128 and 121
