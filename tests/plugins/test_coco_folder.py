"""The dataset coco-folder: pictures with boxes of one's own in both forms, and everything that does not fit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import RefusedFileError, UsageError


def bound(root: Path, **given: object) -> BoundDataset:
    options = {"root": str(root), **{key: str(value) for key, value in given.items()}}
    return bind_dataset(open_zoo().dataset("coco-folder"), options)


def pictures(folder: Path, *sizes: tuple[int, int]) -> Path:
    """Pictures 0.png, 1.png, ... of these widths and heights."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(sizes):
        Image.new("RGB", size, (40 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def annotations(**changes: Any) -> dict[str, Any]:
    """Two pictures, the second without a box; categories whose numbers begin anywhere."""
    return {
        "images": [{"id": 7, "file_name": "0.png"}, {"id": 3, "file_name": "1.png"}],
        "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [10, 20, 30, 40.5]},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 64, 64], "iscrowd": 1},
            {"id": 3, "image_id": 7, "category_id": 2, "bbox": [5, 5, 0, 7]},
        ],
        **changes,
    }


def coco(folder: Path, content: Any = None) -> Path:
    pictures(folder, (64, 128), (64, 64))
    text = content if isinstance(content, str) else json.dumps(annotations() if content is None else content)
    (folder / "annotations.json").write_text(text)
    return folder


def yolo(root: Path, *lines: str, images: str = "images", labels: str = "labels") -> Path:
    pictures(root / images, (100, 50), (50, 50))
    (root / labels).mkdir(parents=True, exist_ok=True)
    (root / labels / "0.txt").write_text("\n".join(lines or ("1 0.5 0.5 0.25 0.5", "0 0.125 0.25 0.25 0.5", "")))
    return root


def all_boxes(dataset: BoundDataset) -> dict[str, list[tuple[list[float], str, bool]]]:
    """Boxes, classes and crowds of each picture of all splits, by the name of its file."""
    found = {}
    for part in dataset.load_all().values():
        for place, file in enumerate(part.files or ()):
            own = part.targets[place : place + 1]
            rows = zip(own.boxes.tolist(), own.classes, own.crowd, strict=True)
            found[Path(file).name] = [(box, part.classes[number], bool(crowd)) for box, number, crowd in rows]
    return found


def test_coco(tmp_path: Path) -> None:
    dataset = bound(coco(tmp_path), size=32)  # half of the width, a quarter of the height
    assert dataset.class_names() == ("cat", "dog")
    assert all_boxes(dataset) == {
        "0.png": [([5.0, 5.0, 20.0, 15.125], "dog", False), ([0.0, 0.0, 32.0, 16.0], "cat", True)],
        "1.png": [],
    }


def test_coco_in_split_folders_has_the_classes_of_train(tmp_path: Path) -> None:
    coco(tmp_path / "train")
    only_dog = annotations(categories=[{"id": 1, "name": "dog"}])
    only_dog["annotations"] = [{"image_id": 3, "category_id": 1, "bbox": [0, 0, 64, 32]}]
    coco(tmp_path / "val", only_dog)
    dataset = bound(tmp_path, size=64)
    assert dataset.split_names == ("train", "validation")
    validation = dataset.load("validation")
    assert validation.classes == ("cat", "dog")
    assert validation.targets.counts.tolist() == [0, 1]
    assert validation.targets.classes.tolist() == [1]
    assert validation.targets.boxes.tolist() == [[0, 0, 64, 32]]


def test_pictures_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text(json.dumps(annotations()))
    pictures(tmp_path / "images", (64, 128), (64, 64))
    assert set(all_boxes(bound(tmp_path, size=32))) == {"0.png", "1.png"}


def test_yolo(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    wanted = [([7.5, 5.0, 12.5, 15.0], "1", False), ([0.0, 0.0, 5.0, 10.0], "0", False)]
    assert all_boxes(bound(root, size=20)) == {"0.png": wanted, "1.png": []}
    assert bound(root, names="cat,dog").class_names() == ("cat", "dog")
    (root / "classes.txt").write_text("tree\n\ncar\nbus\n")
    assert bound(root).class_names() == ("tree", "car", "bus")


@pytest.mark.parametrize("nested", ["images/{split}", "{split}/images"])
def test_yolo_in_split_folders(tmp_path: Path, nested: str) -> None:
    for split in ("train", "test"):
        images = nested.format(split=split)
        yolo(tmp_path, images=images, labels=images.replace("images", "labels"))
    dataset = bound(tmp_path, size=20)
    assert dataset.split_names == ("train", "validation", "test")
    assert dataset.load("test").targets.counts.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 3}, "images is no list"),
        ({"images": []}, "images is empty"),
        ({"images": [{"id": 7}]}, "images[0] has no id and file_name"),
        ({"images": [{"id": 7, "file_name": "0.png"}] * 2}, "images[1] has the id 7, as an entry before it"),
        ({"images": [{"id": 7, "file_name": "../0.png"}]}, "the file_name '../0.png' leads out of its folder"),
        ({"categories": [{"id": 2, "name": "a"}, {"id": 9, "name": "a"}]}, "two categories have one name"),
        ({"annotations": [5]}, "annotations[0] is no object"),
        ({"annotations": [{"image_id": 8}]}, "annotations[0] has the image_id 8"),
        ({"annotations": [{"image_id": 7, "category_id": "2"}]}, "annotations[0] has the category_id 2"),
        ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3]}]}, "annotations[0] has the bbox"),
        ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 1e9]}]}, "annotations[0] has the bbox"),
    ],
)
def test_annotations_that_are_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    wrong = annotations(**changes)
    if "images" in changes:
        wrong["annotations"] = []
    with pytest.raises(ZooError, match=re.escape(message)):
        bound(coco(tmp_path, wrong)).load("train")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "cannot be read: it is not JSON"), ("[]", "it is no object"), ("[" * 99, "nested")]
)
def test_what_is_no_annotations(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        bound(coco(tmp_path, text)).load("train")


@pytest.mark.parametrize(
    "line",
    ["1 0.5 0.5 0.2", "x 0.5 0.5 0.2 0.2", "1.5 0.5 0.5 0.2 0.2", "0 1.5 0.5 0.2 0.2", "0 nan 0 0 0", "99999 0 0 0 0"],
)
def test_lines_that_are_no_box(tmp_path: Path, line: str) -> None:
    with pytest.raises(ZooError, match=r"0\.txt, line 2, is no box"):
        bound(yolo(tmp_path, "0 0.5 0.5 0.1 0.1", line)).load("train")


def test_classes_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"0\.txt has class 1, and there are 1 classes"):
        bound(yolo(tmp_path / "a"), names="cat").load("train")
    with pytest.raises(UsageError, match="names the classes itself"):
        bound(coco(tmp_path / "b"), names="cat,dog").load("train")
    with pytest.raises(UsageError, match="there is not a single box in"):
        bound(yolo(tmp_path / "c", " ")).load("train")
    coco(tmp_path / "d" / "train")
    coco(tmp_path / "d" / "test", annotations(categories=[{"id": 9, "name": "cow"}, {"id": 2, "name": "cat"}]))
    with pytest.raises(ZooError, match=r"has the category 'cow', which .* does not have"):
        bound(tmp_path / "d").load("test")


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there is no folder"):
        bound(tmp_path / "none").load("train")
    with pytest.raises(ZooError, match="has no boxes to train on"):
        bound(pictures(tmp_path / "a", (8, 8))).load("train")
    coco(tmp_path / "b" / "train")
    pictures(tmp_path / "b" / "test", (8, 8))
    with pytest.raises(ZooError, match="test has no boxes"):
        bound(tmp_path / "b").load("train")
    coco(coco(tmp_path / "c") / "val")
    with pytest.raises(ZooError, match="has boxes of its own beside the folder 'val'"):
        bound(tmp_path / "c").load("train")
    coco(tmp_path / "d" / "train")
    yolo(tmp_path / "d" / "test")
    with pytest.raises(ZooError, match="for one split, and text files for another one"):
        bound(tmp_path / "d").load("test")


def test_files_that_are_no_plain_files_are_refused(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    (root / "labels" / "1.txt").symlink_to("/dev/zero")
    with pytest.raises(RefusedFileError, match="not-a-file"):
        bound(root).load("train")


def test_a_missing_picture_is_told_of(tmp_path: Path) -> None:
    (coco(tmp_path) / "1.png").unlink()
    with pytest.raises(ZooError, match=r"1\.png"):
        bound(tmp_path).load_all()
