"""The dataset image-folder: pictures of one's own in class folders, and every layout that does not fit."""

from __future__ import annotations

import json
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
    assert train.main.shape == (27, 3, 64, 64)
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
    assert "Hint: -d root=PATH; see zoo info image-folder" in done.stderr


def remove_pictures(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def nest(root: Path) -> None:
    (root / "cat" / "more").mkdir()


WRONG: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", shutil.rmtree, "there is no folder"),
    ("a file", lambda r: (shutil.rmtree(r), r.touch()), "is a file, and not the folder of your pictures"),
    ("empty", lambda r: (shutil.rmtree(r), r.mkdir()), "has no class folder"),
    ("one class", lambda r: shutil.rmtree(r / "dog"), "has only one class, 'cat'"),
    ("empty class", lambda r: remove_pictures(r / "dog"), "dog has no pictures"),
    ("nested", nest, "more is a folder inside a class folder"),
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


DAMAGED = b"\x89PNG\r\n\x1a\nrubbish"


@pytest.mark.parametrize(
    ("content", "text", "code"),
    [(DAMAGED, "is damaged", 1), (b"GIF89a", "is not a PNG, JPEG, WEBP or BMP picture", 4)],
)
def test_a_bad_picture_is_named(tmp_path: Path, run_zoo: RunZoo, content: bytes, text: str, code: int) -> None:
    root = fill(tmp_path / "pictures", cat=4, dog=4)
    bad = root / "dog" / "002.png"
    bad.write_bytes(content)
    done = run_zoo("train", "mlp", "--dataset", "image-folder", "-d", f"root={root}")
    assert done.code == code
    assert f"{bad} {text}" in done.stderr
    assert not (tmp_path / "runs").exists()


def spoil(root: Path) -> list[Path]:
    """Three files that cannot be read, in both parts of the pictures; one of a format that is not read."""
    bad = [root / "cat" / "001.png", root / "cat" / "002.png", root / "dog" / "zz.heic"]
    for path in bad:
        path.write_bytes(DAMAGED)
    return bad


def test_all_bad_pictures_of_all_splits_are_told_of_at_once(tmp_path: Path) -> None:
    fill(tmp_path / "train", cat=4, dog=4)
    fill(tmp_path / "test", cat=12, dog=4)
    bad = [*spoil(tmp_path / "train"), *spoil(tmp_path / "test")]
    with pytest.raises(ZooError, match=r"dataset image-folder: 6 of 30 samples cannot be read:") as caught:
        bound("image-folder", root=tmp_path).load_all()
    assert all(str(path) in caught.value.message for path in bad)
    assert caught.value.exit_code == 1
    assert caught.value.hint == "replace the files, or remove them; -d skip_bad=true leaves out what cannot be read"
    for path in (tmp_path / "test" / "cat").iterdir():
        path.write_bytes(b"GIF89a")
    with pytest.raises(ZooError, match=r"split test: 15 of 19 samples cannot be read:") as caught:
        bound("image-folder", root=tmp_path).load("test")
    assert caught.value.message.count("\n") == 11
    assert caught.value.message.endswith("\n  and 5 more")


def test_bad_pictures_of_one_part_are_so_many_of_all(tmp_path: Path) -> None:
    fill(tmp_path / "train", cat=20, dog=20)
    fill(tmp_path / "test", cat=6, dog=4)
    (tmp_path / "test" / "cat" / "000.png").write_bytes(DAMAGED)
    with pytest.raises(ZooError, match=r"dataset image-folder: 1 of 50 samples cannot be read:"):
        bound("image-folder", root=tmp_path).load_all()


def test_bad_pictures_are_left_out_and_recorded(tmp_path: Path, zoo_here: RunZoo) -> None:
    good = bound("image-folder", root=fill(tmp_path / "good", cat=10, dog=10), size=8)
    root = tmp_path / "pictures"
    shutil.copytree(tmp_path / "good", root)
    bad = ["cat/003.bmp", "dog/007.webp"]
    for name in bad:
        (root / name).write_bytes(DAMAGED)
    dataset = bound("image-folder", root=root, size=8, skip_bad="true")
    parts = dataset.load_all()
    assert sorted(name for part in parts.values() for name in dataset.skipped(part)) == bad
    assert sum(map(len, parts.values())) == 18
    # Who is in which split does not depend on which files are bad.
    known = {split: {picture.tobytes() for picture in part.main} for split, part in good.load_all().items()}
    assert all(picture.tobytes() in known[split] for split, part in parts.items() for picture in part.main)
    options = ("-d", f"root={root}", "-d", "size=8", "-d", "skip_bad=true")
    done = zoo_here("train", "mlp", "--dataset", "image-folder", *options, "--epochs", "1", "--run", "kept")
    assert done.code == 0, done.stderr
    assert "Left out, because they cannot be read: 2 files: " in done.stderr
    assert sorted(json.loads((tmp_path / "runs/kept/run.json").read_text())["skipped"]) == bad
    measured = zoo_here("eval", "run:kept", "--json", "--split", "train")
    assert measured.code == 0, measured.stderr
    assert measured.json["skipped"] == list(dataset.skipped(parts["train"]))
    said = zoo_here("eval", "run:kept", "--split", "train")
    assert "left out, because they cannot be read: " in said.stdout


def test_where_nothing_is_left_and_where_no_files_are_read(tmp_path: Path) -> None:
    root = fill(tmp_path / "pictures", cat=2, dog=2)
    for path in root.rglob("*.*"):
        path.write_bytes(DAMAGED)
    with pytest.raises(ZooError, match="3 of 3 samples cannot be read"):
        bound("image-folder", root=root, skip_bad="true", val_size=1).load("train")
    with pytest.raises(UsageError, match="skip_bad is for datasets whose samples are files of their own"):
        bound("digits", skip_bad="true").load("train")
