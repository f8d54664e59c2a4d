"""The bundled datasets: digits as shipped, mnist from files and over HTTP, pictures of one's own in folders."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import Preprocess, ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset, idx_bytes
from zoo_core.errors import UsageError
from zoo_core.preprocess import load_pictures
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
        assert samples.inputs.shape[1:] == (1, 28, 28)
        assert samples.batch(slice(0, 2)).dtype == np.float32
    assert dataset.class_names() == tuple("0123456789")


def test_digits_have_no_picture_in_two_splits() -> None:
    dataset = bound("digits")
    seen = [{picture.tobytes() for picture in dataset.load(name).inputs} for name in dataset.split_names]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]


def test_the_recipe_of_digits_is_measured_on_train() -> None:
    dataset = bound("digits")
    recipe = dataset.preprocess
    assert isinstance(recipe, Preprocess)
    pixels = dataset.load("train").inputs / 255
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


def test_mnist_of_full_size_is_read_whole(tmp_path: Path) -> None:
    write_mnist(tmp_path, count=60_000, compressed=False)
    assert bound("mnist", root=tmp_path).load("train").inputs.shape == (54_000, 1, 28, 28)


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
    assert caught.value.exit_code == 1


def test_mnist_with_labels_that_are_no_digits(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(idx_bytes(np.full(50, 10, np.uint8)))
    with pytest.raises(ZooError, match="targets from 10 to 10, but 10 classes"):
        bound("mnist", root=tmp_path).load("train")


# --- image-folder


def fill(root: Path, **classes: int) -> Path:
    """Class folders with so many pictures each, of all formats and several sizes."""
    rng = np.random.default_rng(len(classes))
    endings = (".png", ".jpg", ".webp", ".bmp", ".JPEG")
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            shape = (20 + index, 30) if index % 2 else (25, 20, 3)
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index:03d}{endings[index % 5]}")
    return root


def test_class_folders(tmp_path: Path) -> None:
    root = fill(tmp_path / "pictures", cat=10, dog=20)
    (root / ".hidden").mkdir()
    (root / "cat" / ".DS_Store").touch()
    (root / "cat" / "notes.txt").touch()
    (root / "README.md").touch()
    dataset = bound("image-folder", root=root)
    assert dataset.class_names() == ("cat", "dog")
    assert dataset.num_classes == 2
    assert dataset.split_names == ("train", "validation")
    train, validation = dataset.load("train"), dataset.load("validation")
    assert np.bincount(train.targets).tolist() == [9, 18]
    assert np.bincount(validation.targets).tolist() == [1, 2]
    assert train.inputs.shape == (27, 3, 64, 64)
    assert bound("image-folder", root=root, size=17).load("train").batch(slice(0, 4)).shape == (4, 3, 17, 17)
    with pytest.raises(ZooError, match="dataset image-folder has no test split"):
        dataset.load("test")


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_split_folders(tmp_path: Path, validation: str) -> None:
    fill(tmp_path / "train", ant=4, bee=5, cow=6)
    fill(tmp_path / validation, ant=2, bee=2, cow=2)
    fill(tmp_path / "test", bee=3, cow=1)
    dataset = bound("image-folder", root=tmp_path)
    assert dataset.split_names == ("train", "validation", "test")
    assert [len(dataset.load(name)) for name in dataset.split_names] == [15, 6, 4]
    assert dataset.load("test").targets.tolist() == [1, 1, 1, 2]
    assert dataset.load("test").classes == ("ant", "bee", "cow")


def test_split_folders_without_validation(tmp_path: Path) -> None:
    fill(tmp_path / "train", ant=10, bee=10)
    fill(tmp_path / "test", ant=1, bee=1)
    dataset = bound("image-folder", root=tmp_path)
    assert [len(dataset.load(name)) for name in dataset.split_names] == [18, 2, 2]


def test_train_may_be_a_class_beside_others(tmp_path: Path) -> None:
    dataset = bound("image-folder", root=fill(tmp_path, car=3, ship=3, train=3))
    assert dataset.class_names() == ("car", "ship", "train")
    assert len(dataset.load("train")) + len(dataset.load("validation")) == 9


def test_the_fingerprint_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    root = fill(tmp_path / "one", cat=3, dog=3)
    shutil.copytree(root, tmp_path / "two" / "deeper")
    first = bound("image-folder", root=root).load("train")
    assert bound("image-folder", root=tmp_path / "two" / "deeper").load("train").fingerprint == first.fingerprint


def test_without_a_root(run_zoo: RunZoo) -> None:
    dataset = bound("image-folder")
    assert dataset.class_names() is None
    assert dataset.num_classes is None
    with pytest.raises(UsageError, match="dataset image-folder needs the folder of your data"):
        dataset.load("train")
    done = run_zoo("train", "mlp", "--dataset", "image-folder")
    assert done.code == 2
    assert "Error: dataset image-folder needs the folder of your data" in done.stderr
    assert "Hint: -d root=DIR" in done.stderr


def remove_pictures(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def nest(root: Path) -> None:
    (root / "cat" / "more").mkdir()


WRONG: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", shutil.rmtree, "there is no folder"),
    ("a file", lambda r: (shutil.rmtree(r), r.touch()), "there is no folder"),
    ("empty", lambda r: (shutil.rmtree(r), r.mkdir()), "has no class folder"),
    ("one class", lambda r: shutil.rmtree(r / "dog"), "has only one class, 'cat'"),
    ("empty class", lambda r: remove_pictures(r / "dog"), "dog has no pictures"),
    ("nested", nest, "more is a folder inside a class folder"),
    ("gif", lambda r: Image.new("P", (3, 3)).save(r / "cat" / "x.gif"), "x.gif is a picture that is not read"),
    ("loose", lambda r: Image.new("L", (3, 3)).save(r / "x.png"), "x.png is in no class folder"),
    ("control", lambda r: (r / "dog").rename(r / "do\x1bg"), "'do\\x1bg' has characters that cannot be printed"),
]


@pytest.mark.parametrize(("change", "text"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_folders_that_do_not_fit(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    root = fill(tmp_path / "pictures", cat=4, dog=4)
    change(root)
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound("image-folder", root=root).load("train")
    assert str(root) in caught.value.message
    assert caught.value.exit_code == 1
    assert caught.value.hint or "printed" in text


SPLIT_WRONG: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "unknown class",
        lambda r: (r / "test" / "dog").rename(r / "test" / "fox"),
        "the class 'fox' is not among those in",
    ),
    ("other folder", lambda r: (r / "extra").mkdir(), "has a folder 'extra' beside its split folders"),
    ("two validations", lambda r: [(r / n).mkdir() for n in ("val", "validation")], "two folders for one split"),
    ("no train", lambda r: shutil.rmtree(r / "train"), "has no train folder"),
    ("empty test", lambda r: [shutil.rmtree(p) for p in (r / "test").iterdir()], "test has no class folder"),
    ("empty test class", lambda r: remove_pictures(r / "test" / "cat"), "cat has no pictures"),
]


@pytest.mark.parametrize(("change", "text"), [row[1:] for row in SPLIT_WRONG], ids=[row[0] for row in SPLIT_WRONG])
def test_split_folders_that_do_not_fit(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    fill(tmp_path / "train", cat=4, dog=4)
    fill(tmp_path / "test", cat=1, dog=1)
    change(tmp_path)
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound("image-folder", root=tmp_path).load("test")
    assert caught.value.exit_code == 1


def test_pictures_without_class_folders_are_no_dataset(tmp_path: Path) -> None:
    # train/ and test/ with pictures in them: not two classes called "train" and "test".
    fill(tmp_path, train=3, test=3)
    with pytest.raises(ZooError, match="train has no class folder"):
        bound("image-folder", root=tmp_path).load("train")


@pytest.mark.parametrize(
    ("content", "text", "code"),
    [(b"\x89PNG\r\n\x1a\nrubbish", "is damaged", 1), (b"GIF89a", "is not a PNG, JPEG, WEBP or BMP picture", 4)],
)
def test_a_bad_picture_is_named(tmp_path: Path, run_zoo: RunZoo, content: bytes, text: str, code: int) -> None:
    root = fill(tmp_path / "pictures", cat=4, dog=4)
    bad = root / "dog" / "002.png"
    bad.write_bytes(content)
    done = run_zoo("train", "mlp", "--dataset", "image-folder", "-d", f"root={root}")
    assert done.code == code
    assert f"{bad} {text}" in done.stderr
    assert not (tmp_path / "runs").exists()
