"""The bundled datasets digits, as shipped, and mnist and its relatives, from files of every kind, without a network."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import KMNIST, MNIST, FashionMNIST

from zoo_core import Preprocess, ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset, idx_bytes
from zoo_core.preprocess import load_pictures
from zoo_plugins import fashion_mnist, kmnist, mnist
from zoo_plugins.digits import WORDS, make_data

RunZoo = Callable[..., Any]


def bound(name: str, **given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset(name), {key: str(value) for key, value in given.items()})


# --- digits


def test_digits_are_all_there() -> None:
    dataset = bound("digits")
    splits = {name: dataset.load(name) for name in dataset.split_names}
    assert {name: len(samples) for name, samples in splits.items()} == {"train": 1257, "validation": 180, "test": 360}
    totals = sum(np.bincount(samples.targets, minlength=10) for samples in splits.values())
    assert totals.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as the source counts them
    for name, samples in splits.items():
        share = np.bincount(samples.targets) / totals
        assert np.abs(share - len(samples) / 1797).max() < 0.01, name
        assert samples.main.shape[1:] == (1, 28, 28)
        assert samples.batch(slice(0, 2)).dtype == np.float32
    assert dataset.class_names() == tuple("0123456789")


def test_digits_have_no_picture_in_two_splits() -> None:
    dataset = bound("digits")
    seen = [{picture.tobytes() for picture in dataset.load(name).main} for name in dataset.split_names]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]


def test_the_recipe_of_digits_is_measured_on_train() -> None:
    dataset = bound("digits")
    recipe = dataset.preprocess
    assert isinstance(recipe, Preprocess)
    pixels = dataset.load("train").main / 255
    assert recipe.mean == (round(float(pixels.mean()), 4),)
    assert recipe.std == (round(float(pixels.std()), 4),)


def test_sample_pictures_are_test_digits_bit_for_bit() -> None:
    dataset = bound("digits")
    paths = [Path(path) for path in dataset.spec.samples]
    assert [path.stem for path in paths] == ["five", "nine", "seven", "three", "two", "zero"]
    test = dataset.load("test")
    inputs = load_pictures(paths, dataset.preprocess or Preprocess())
    for path, values in zip(paths, inputs, strict=True):
        with Image.open(path) as image:
            assert image.size == (8, 8)
        same = [
            index for index in range(len(test)) if test.batch(slice(index, index + 1)).tobytes() == values.tobytes()
        ]
        assert [WORDS[test.targets[index]] for index in same] == [path.stem]


def test_the_shipped_files_are_made_by_the_script(tmp_path: Path) -> None:
    # The CSV, rebuilt from the shipped files: the script must find the same order in it again.
    dataset = bound("digits")
    package = Path(make_data.__file__).parent
    raw = [gzip.decompress((package / "data" / name).read_bytes()) for name in sorted(DATA_FILES)]
    images, labels = np.frombuffer(raw[0][16:], np.uint8).reshape(-1, 64), np.frombuffer(raw[1][8:], np.uint8)
    assert images.max() == 16
    for half, name in enumerate(("a.csv", "b.csv")):
        np.savetxt(tmp_path / name, np.column_stack([images, labels]), fmt="%d", delimiter=",")
        make_data.main(tmp_path / name, tmp_path / str(half))
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / d).rglob("*.*")} for d in "01")
    assert first == second
    assert set(first) == DATA_FILES | {Path(path).name for path in dataset.spec.samples}
    made = gzip.decompress(first["labels-idx1-ubyte.gz"])[8:]
    assert np.bincount(np.frombuffer(made, np.uint8)[1437:]).tolist() == np.bincount(labels[1437:]).tolist()


DATA_FILES = {"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"}


# --- mnist


def write_mnist(root: Path, *, count: int = 50, compressed: bool = True, side: int = 28) -> None:
    rng = np.random.default_rng(0)
    root.mkdir(exist_ok=True)
    for part in ("train", "t10k"):
        images = rng.integers(0, 256, (count, side, side), dtype=np.uint8)
        ending = ".gz" if compressed else ""
        (root / f"{part}-images-idx3-ubyte{ending}").write_bytes(idx_bytes(images, compressed=compressed))
        labels = (np.arange(count) % 10).astype(np.uint8)
        (root / f"{part}-labels-idx1-ubyte{ending}").write_bytes(idx_bytes(labels, compressed=compressed))


@pytest.mark.parametrize("compressed", [True, False])
def test_mnist_from_a_folder(tmp_path: Path, compressed: bool) -> None:
    write_mnist(tmp_path, compressed=compressed)
    dataset = bound("mnist", root=tmp_path)
    assert dataset.split_names == ("train", "validation", "test")
    assert [len(dataset.load(name)) for name in dataset.split_names] == [40, 10, 50]
    assert dataset.load("test").batch(slice(0, 5)).shape == (5, 1, 28, 28)
    assert dataset.preprocess == Preprocess(resize=(28, 28), color="L", mean=(0.1307,), std=(0.3081,))


def test_mnist_of_the_training_files_alone_has_no_test_split(tmp_path: Path) -> None:
    write_mnist(tmp_path, compressed=False)
    for path in tmp_path.glob("t10k-images*"):
        path.unlink()
    with pytest.raises(ZooError, match=r"t10k-images-idx3-ubyte\.gz is missing"):
        bound("mnist", root=tmp_path).load("test")
    for path in tmp_path.glob("t10k-labels*"):
        path.unlink()
    assert bound("mnist", root=tmp_path).split_names == ("train", "validation")


def test_mnist_of_full_size_is_read_whole(tmp_path: Path) -> None:
    write_mnist(tmp_path, count=60_000, compressed=False)
    assert bound("mnist", root=tmp_path).load("train").main.shape == (54_000, 1, 28, 28)


def test_mnist_that_is_not_there(tmp_path: Path) -> None:
    dataset = bound("mnist", root=tmp_path / "nowhere")
    with pytest.raises(ZooError, match=re.escape("nowhere: train-images-idx3-ubyte.gz is missing")) as caught:
        dataset.load("train")
    assert caught.value.exit_code == 1
    assert caught.value.hint == ("add --download to fetch it (11.6 MB), or give the folder that has it: -d root=DIR")
    assert "test" in dataset.split_names  # declared, though nothing is there yet
    assert not (tmp_path / "nowhere").exists()


def test_mnist_offline(tmp_path: Path, run_zoo: RunZoo) -> None:
    # A proxy where nobody listens: the program runs as it is, without a network.
    nobody = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    offline = {**nobody, "NO_PROXY": "", "no_proxy": ""}
    done = run_zoo(
        "train", "lenet5", "--dataset", "mnist", "--download", "-d", f"root={tmp_path / 'mnist'}", env=offline
    )
    assert done.code == 1
    assert "cannot download train-images-idx3-ubyte.gz of dataset mnist" in done.stderr
    assert "ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz: no connection" in done.stderr
    assert "Hint: check the network; or put train-images-idx3-ubyte.gz into a folder yourself" in done.stderr
    assert list((tmp_path / "mnist").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:500]), "is truncated: the gzip stream ends too early"),
        (lambda p: p.write_bytes(idx_bytes(np.zeros((50, 27, 28), np.uint8))), "not uint8 pictures (N, 28, 28)"),
        (lambda p: p.write_bytes(idx_bytes(np.zeros((49, 28, 28), np.uint8))), "has 49 pictures, but"),
    ],
)
def test_mnist_with_damaged_images(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    write_mnist(tmp_path)
    change(tmp_path / "train-images-idx3-ubyte.gz")
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound("mnist", root=tmp_path).load("train")
    assert "train-images-idx3-ubyte.gz" in caught.value.message
    assert "fetch the file" in str(caught.value.hint)
    assert caught.value.exit_code == 1


def test_mnist_with_labels_that_are_no_digits(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(idx_bytes(np.full(50, 10, np.uint8)))
    with pytest.raises(ZooError, match="targets from 10 to 10, but 10 classes") as caught:
        bound("mnist", root=tmp_path).load("train")
    assert caught.value.hint == "its files are damaged, or those of another dataset"


# --- its relatives


@pytest.mark.parametrize(
    ("name", "theirs", "statistics"),
    [
        ("mnist", MNIST, (0.1307, 0.3081)),
        ("fashion-mnist", FashionMNIST, (0.2860, 0.3530)),
        ("kmnist", KMNIST, (0.1918, 0.3483)),
    ],
)
def test_the_same_pictures_as_torchvision(
    tmp_path: Path, name: str, theirs: type[MNIST], statistics: tuple[float, float]
) -> None:
    raw = tmp_path / theirs.__name__ / "raw"
    raw.parent.mkdir()
    write_mnist(raw, compressed=False)
    dataset = bound(name, root=raw)
    test, expected = dataset.load("test"), theirs(str(tmp_path), train=False)
    assert (test.main[:, 0] == expected.data.numpy()).all()
    assert test.targets.tolist() == expected.targets.tolist()
    assert [len(dataset.load(split)) for split in dataset.split_names] == [40, 10, 50]
    assert dataset.num_classes == len(expected.classes) == 10
    for ours, their_name in zip(dataset.class_names() or (), expected.classes, strict=True):
        assert ours[:3] == their_name.lower()[:3] or ours == their_name[0]
    recipe = dataset.preprocess or Preprocess()
    assert (recipe.mean[0], recipe.std[0]) == statistics


@pytest.mark.parametrize(("name", "size"), [("fashion-mnist", "30.9"), ("kmnist", "21.2")])
def test_relatives_that_are_not_there(tmp_path: Path, name: str, size: str) -> None:
    with pytest.raises(ZooError, match=f"dataset {name} is not in .*: train-images-idx3-ubyte.gz is missing") as caught:
        bound(name, root=tmp_path).load("train")
    assert f"add --download to fetch it ({size} MB)" in str(caught.value.hint)


def test_relatives_are_fetched(tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = served
    write_mnist(folder)
    for plugin in (fashion_mnist, kmnist, mnist):
        known = {
            name: (hashlib.sha256((folder / name).read_bytes()).hexdigest(), (folder / name).stat().st_size)
            for name in plugin.FILES
        }
        monkeypatch.setattr(plugin, "FILES", known)
        monkeypatch.setattr(plugin, "MIRRORS", (address,))
        root = tmp_path / plugin.__name__
        load = next(iter(plugin.zoo_datasets())).load
        assert len(load(root, split="test", download=True).inputs) == 50
        assert sorted(path.name for path in root.iterdir()) == [
            "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ]
        assert len(load(root, split="test", download=False).inputs) == 50
