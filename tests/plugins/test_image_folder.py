"""The dataset image-folder: pictures of one's own in class folders, and every layout that does not fit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import UsageError

RunZoo = Callable[..., Any]


def bound(name: str, **given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset(name), {key: str(value) for key, value in given.items()})


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
    (
        "gif",
        lambda r: Image.new("P", (3, 3)).save(r / "cat" / "x.gif"),
        "x.gif is a picture of a kind that is not read",
    ),
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
