"""The dataset mask-folder: pairs of pictures and masks of one's own, and every layout that does not fit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import UsageError
from zoo_core.specs import IGNORED


def bound(root: Path, **given: object) -> BoundDataset:
    options = {"root": str(root), **{key: str(value) for key, value in given.items()}}
    return bind_dataset(open_zoo().dataset("mask-folder"), options)


def fill(root: Path, count: int = 10, *, values: tuple[int, ...] = (0, 255), side: int = 16) -> Path:
    rng = np.random.default_rng(count)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for index in range(count):
        mask = rng.choice(values, (side, side)).astype(np.uint8)
        mask.flat[: len(values)] = values
        Image.fromarray(mask).save(root / "masks" / f"{index:02}.png")
        Image.fromarray(np.where(mask > 0, 200, 50).astype(np.uint8)).save(root / "images" / f"{index:02}.png")
    return root


def test_pairs_in_one_folder(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine")
    (root / "masks" / ".DS_Store").touch()
    (root / "notes.txt").touch()
    dataset = bound(root, size=16)
    assert dataset.class_names() == ("background", "foreground")
    assert dataset.num_classes == 1
    assert dataset.split_names == ("train", "validation")
    train, validation = dataset.load("train"), dataset.load("validation")
    assert (len(train), len(validation)) == (9, 1)
    for part in (train, validation):
        assert ((part.main[:, 0] == 200) == (part.targets == 1)).all()
    assert bound(root).load("train").main.shape == (9, 1, 128, 128)
    assert bind_dataset(open_zoo().dataset("mask-folder"), {}).class_names() is None


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_split_folders(tmp_path: Path, validation: str) -> None:
    for name, count in (("train", 6), (validation, 3), ("test", 2)):
        fill(tmp_path / name, count, side=8)
    # A mask without a foreground does not change what 255 means: train decides.
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "test" / "masks" / "00.png")
    dataset = bound(tmp_path, size=8)
    assert dataset.split_names == ("train", "validation", "test")
    assert [len(dataset.load(split)) for split in dataset.split_names] == [6, 3, 2]
    assert dataset.load("test").targets[0].max() == 0
    assert dataset.load("test").targets[1].max() == 1


@pytest.mark.parametrize(
    ("values", "classes", "found"),
    [
        ((0, 1), ("background", "foreground"), {0, 1}),
        ((0, 1, 255), ("background", "foreground"), {0, 1, IGNORED}),
        ((0, 1, 2), ("0", "1", "2"), {0, 1, 2}),
        ((0, 1, 2, 255), ("0", "1", "2"), {0, 1, 2, IGNORED}),
        (tuple(range(32)), tuple(map(str, range(32))), set(range(32))),
    ],
)
def test_what_values_mean(tmp_path: Path, values: tuple[int, ...], classes: tuple[str, ...], found: set[int]) -> None:
    dataset = bound(fill(tmp_path / "mine", 4, values=values), size=16)
    assert dataset.class_names() == classes
    assert set(np.unique(dataset.load("train").targets)) == found
    assert dataset.num_classes == (1 if len(classes) == 2 else len(classes))


def test_names_of_the_classes(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", 4, values=(0, 1, 2))
    assert bound(root, names="sky,road,car").class_names() == ("sky", "road", "car")
    with pytest.raises(UsageError, match=r"names=sky,road names 2 classes, but the masks of .*mine have 3"):
        bound(root, names="sky,road").class_names()


def test_colour(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", 4)
    dataset = bound(root, color="RGB")
    assert dataset.inputs["image"].axes == ("N", 3, 128, 128)
    assert dataset.load("train").batch(slice(0, 2)).shape == (2, 3, 128, 128)
    assert bound(root, color="L").inputs["image"].axes == ("N", 1, 128, 128)
    assert bound(root, color="RGB", tiles=8).load("train").main.shape == (12, 3, 8, 8)
    with pytest.raises(UsageError, match="color cannot be 'BGR'"):
        bound(root, color="BGR")


def test_large_pictures_in_tiles(tmp_path: Path) -> None:
    dataset = bound(fill(tmp_path / "mine", side=512), tiles=256)
    assert dataset.inputs["image"].axes == ("N", 1, 256, 256)
    train, validation = dataset.load("train"), dataset.load("validation")
    assert (len(train), len(validation)) == (9 * 4, 1 * 4)
    for part in (train, validation):
        assert part.targets.shape == (len(part), 256, 256)
        assert ((part.main[:, 0] == 200) == (part.targets == 1)).all()


def replace(path: Path, value: int, shape: tuple[int, int] = (16, 16)) -> None:
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


WRONG: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", shutil.rmtree, "there is no folder"),
    ("no masks", lambda r: shutil.rmtree(r / "masks"), "mine has no folder 'masks'"),
    ("no images", lambda r: shutil.rmtree(r / "images"), "mine has no folder 'images'"),
    ("nothing", lambda r: [shutil.rmtree(r / n) for n in ("images", "masks")], "neither images and masks nor a train"),
    ("no mask", lambda r: (r / "masks" / "03.png").unlink(), "images/03.png has no mask in"),
    ("no picture", lambda r: (r / "images" / "03.png").unlink(), "masks/03.png has no picture in"),
    ("twice", lambda r: replace(r / "images" / "03.bmp", 0), "has two pictures of one name: 03.bmp and 03.png"),
    ("size", lambda r: replace(r / "masks" / "03.png", 0, (16, 15)), "03.png has 16 x 15 pixels, its picture"),
    ("gap", lambda r: replace(r / "masks" / "03.png", 7), "mine are not class numbers: 0, 7, 255"),
    ("tiff", lambda r: (r / "masks" / "03.tif").touch(), "has two pictures of one name: 03.png and 03.tif"),
    ("nested", lambda r: (r / "masks" / "more").mkdir(), "masks/more is a folder inside a folder"),
    ("empty", lambda r: [p.unlink() for p in (r / "masks").iterdir()], "masks has no pictures"),
    ("both", lambda r: (r / "train").mkdir(), "has images and masks of its own beside the folder 'train'"),
    ("damaged", lambda r: (r / "masks" / "03.png").write_bytes(b"\x89PNG\r\n\x1a\n"), "03.png is damaged"),
]


@pytest.mark.parametrize(("change", "text"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_folders_that_do_not_fit(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    root = fill(tmp_path / "mine", 4)
    change(root)
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound(root).load("train")
    assert str(root) in caught.value.message
    assert caught.value.exit_code == 1


def test_bad_pictures_and_masks_are_told_of_at_once_or_left_out(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", 20)
    for name in ("images/01.png", "masks/02.png", "masks/05.png"):
        (root / name).write_bytes(b"GIF89a")
    with pytest.raises(ZooError, match="3 of 20 samples cannot be read") as caught:
        bound(root).load_all()
    assert all(name in caught.value.message for name in ("images/01.png", "masks/02.png", "masks/05.png"))
    assert caught.value.exit_code == 4
    dataset = bound(root, skip_bad="true", tiles=8)
    parts = dataset.load_all()
    assert sorted(name for part in parts.values() for name in dataset.skipped(part)) == [
        f"images/{number}.png" for number in ("01", "02", "05")
    ]
    assert sum(map(len, parts.values())) == 17 * 4
    for path in (root / "masks").iterdir():
        path.write_bytes(b"GIF89a")
    with pytest.raises(ZooError, match=r"00\.png is not a PNG"):
        bound(root, skip_bad="true").load("train")


def test_the_mask_that_has_a_strange_value_is_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", 4)
    replace(root / "masks" / "02.png", 77)
    with pytest.raises(ZooError, match=re.escape("not class numbers: 0, 77, 255; 77 is only in 1 of 4")) as caught:
        bound(root).load("train")
    assert f"the first is {root / 'masks' / '02.png'}" in caught.value.message


@pytest.mark.parametrize("value", [0, 255])
def test_masks_of_one_value(tmp_path: Path, value: int) -> None:
    root = fill(tmp_path / "mine", 2, values=(value,))
    with pytest.raises(ZooError, match=rf"hold nothing but {value}: there is one class, and nothing to tell") as caught:
        bound(root).load("train")
    assert caught.value.hint == "give masks 0 for the background, and 1 or 255 for what is to be found"


def test_too_many_classes(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"are not class numbers: 0, 1, 2, .* 19, \.\.\.$"):
        bound(fill(tmp_path / "mine", 2, values=tuple(range(33)))).load("train")


def test_a_value_that_train_does_not_have(tmp_path: Path) -> None:
    fill(tmp_path / "train", 4, values=(0, 1, 2))
    fill(tmp_path / "test", 4, values=(0, 3))
    with pytest.raises(ZooError, match=r"test/masks/00\.png has the value 3, which stands for no class"):
        bound(tmp_path).load("test")
    (tmp_path / "train").rename(tmp_path / "validation")
    with pytest.raises(ZooError, match="has neither images and masks nor a train folder"):
        bound(tmp_path).load("test")


def test_without_a_root() -> None:
    with pytest.raises(UsageError, match="dataset mask-folder needs the folder of your data"):
        bind_dataset(open_zoo().dataset("mask-folder"), {}).load("train")
