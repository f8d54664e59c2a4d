"""Folders of one's own pictures: everything that is wrong with them is told at once, and an archive is no folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset


def bound(name: str, root: Path) -> BoundDataset:
    return bind_dataset(open_zoo().dataset(name), {"root": str(root), "size": "8"})


def picture(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8), value, np.uint8)
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(path)


def pairs(folder: Path, count: int) -> None:
    for index in range(count):
        picture(folder / "images" / f"{index:02}.png", index)
        picture(folder / "masks" / f"{index:02}.png")


def test_all_missing_partners_are_told_at_once_of_every_split(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    pairs(root / "train", 9)
    pairs(root / "test", 4)
    gone = [
        root / "train" / "masks" / "02.png",
        root / "train" / "masks" / "05.png",
        root / "test" / "images" / "01.png",
    ]
    for path in gone:
        path.unlink()
    with pytest.raises(ZooError, match=r"scans: pictures and masks without a partner \(3\):") as caught:
        bound("mask-folder", root).load("train")
    assert caught.value.message.splitlines()[1:] == [
        f"  {root}/test/masks/01.png has no picture in {root}/test/images",
        f"  {root}/train/images/02.png has no mask in {root}/train/masks",
        f"  {root}/train/images/05.png has no mask in {root}/train/masks",
    ]
    assert "add what is missing, or remove what is alone" in str(caught.value.hint)


def test_a_long_list_ends_in_a_number(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    pairs(root, 30)
    for index in range(25):
        (root / "masks" / f"{index:02}.png").unlink()
    with pytest.raises(ZooError) as caught:
        bound("mask-folder", root).load("train")
    lines = caught.value.message.splitlines()
    assert (len(lines), lines[-1]) == (12, "  and 15 more")


def test_all_pictures_in_no_class_folder_are_told_at_once(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            picture(root / part / name / "1.png")
        picture(root / part / "loose.png")
    with pytest.raises(ZooError, match=r"pictures outside the class folders \(2\):") as caught:
        bound("image-folder", root).load("train")
    assert [line.split()[0] for line in caught.value.message.splitlines()[1:]] == [
        f"{root}/test/loose.png",
        f"{root}/train/loose.png",
    ]


@pytest.mark.parametrize("dataset", ["image-folder", "mask-folder"])
@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("my pets.zip", "unpack it first: unzip 'my pets.zip' -d 'my pets'; then -d root='my pets'"),
        ("pets.tar.gz", "unpack it first: mkdir pets && tar xf pets.tar.gz -C pets; then -d root=pets"),
        ("pets.png", "give the folder that has your pictures: -d root=DIR"),
    ],
)
def test_a_file_is_no_folder_and_an_archive_is_unpacked_first(here: Path, dataset: str, file: str, hint: str) -> None:
    with zipfile.ZipFile(file, "w"):
        pass
    with pytest.raises(ZooError, match="is a file, and not the folder of your pictures") as caught:
        bound(dataset, Path(file)).load("train")
    assert caught.value.hint == hint
