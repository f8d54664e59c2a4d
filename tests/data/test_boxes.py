"""Boxes as targets: chosen, hashed, collated, and moved with their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import DatasetSpec, Preprocess, TensorSpec, UsageError, ZooError, open_zoo
from zoo_core.data import ArraySplit, BoundDataset, BoxTargets, FileSplit, Samples, bind_dataset
from zoo_core.training import Augment, Feed

BOXES = np.array([[0, 0, 10, 20], [30, 10, 40, 20], [5, 5, 6, 6]], np.float32)
TARGETS = BoxTargets(
    boxes=BOXES, classes=np.array([1, 0, 1]), counts=np.array([2, 0, 1]), crowd=np.array([False, True, False])
)
PICTURES = np.zeros((3, 20, 40), np.uint8)


def bound(split: Any, recipe: Preprocess | None = None) -> BoundDataset:
    """A dataset whose loader gives this split."""
    digits = open_zoo().dataset("digits")
    spec = DatasetSpec(
        name="things",
        load=lambda root, *, split, download: given if split == "train" else None,
        task="detection",
        summary="things",
        inputs={"image": TensorSpec("N", 1, "H", "W")},
        classes=("cat", "dog"),
        preprocess=recipe or Preprocess(color="L"),
        splits=("train", "validation"),
    )
    given = split
    return bind_dataset(replace(digits, spec=spec), {"val_size": 1})


def loaded(targets: Any, recipe: Preprocess | None = None) -> Samples:
    samples = bound(ArraySplit(inputs=PICTURES, targets=targets), recipe)
    # The split that is left after one of the three is set aside: chosen by their number alone.
    return samples.load("train")


def test_boxes_are_chosen_with_their_pictures() -> None:
    assert len(TARGETS) == 3
    assert TARGETS.picture.tolist() == [0, 0, 2]
    turned = TARGETS[np.array([2, 0])]
    assert turned.counts.tolist() == [1, 2]
    assert turned.boxes.tolist() == BOXES[[2, 0, 1]].tolist()
    assert turned.classes.tolist() == [1, 1, 0]
    assert turned.crowd.tolist() == [False, False, True]
    assert len(TARGETS[1:2].boxes) == 0


def test_collated_boxes_are_padded_and_come_back() -> None:
    rows = TARGETS.padded()
    assert rows.shape == (3, 2, 6)
    assert rows.dtype == np.float32
    assert rows[0, 1].tolist() == [30, 10, 40, 20, 0, 1]
    assert rows[1, :, 4].tolist() == [-1, -1]
    back = BoxTargets.of_padded(rows)
    for name in ("boxes", "classes", "counts", "crowd"):
        assert getattr(back, name).tolist() == getattr(TARGETS, name).tolist()


def test_the_feed_gives_them_padded() -> None:
    samples = bind_dataset(open_zoo().dataset("digit-scenes"), {"count": 16}).load("train")
    feed = Feed(samples, batch_size=4)
    inputs, targets = next(feed.in_order())
    assert tuple(inputs.shape) == (4, 1, 128, 128)
    assert targets.numpy().tolist() == samples.targets.padded()[:4].tolist()
    with pytest.raises(ZooError, match="boxes do not follow their pictures through crop, flip"):
        Feed(samples, batch_size=4, augment=Augment(names=("flip", "crop", "color"), seed=0))
    coloured = Feed(samples, batch_size=16, augment=Augment(names=("color",), seed=0))
    _, shuffled = next(coloured.shuffled(seed=0, epoch=1))
    assert sorted(map(str, shuffled.tolist())) == sorted(map(str, samples.targets.padded().tolist()))


def test_boxes_follow_resized_and_cropped_pictures() -> None:
    # 20 x 40 pixels become 10 x 20, of which the middle 8 x 10 is left: rows from 1, columns from 5.
    recipe = Preprocess(color="L", resize=(10, 20), crop=(8, 10))
    samples = bound(ArraySplit(inputs=PICTURES, targets=TARGETS), recipe).load_all()
    assert not any(len(part.targets.boxes) for part in samples.values())  # they lie at the left and right of it
    wide = bound(ArraySplit(inputs=PICTURES, targets=TARGETS), replace(recipe, crop=(8, 18))).load_all()
    boxes = {tuple(box) for part in wide.values() for box in part.targets.boxes.tolist()}
    assert boxes == {(0, 0, 4, 8), (14, 4, 18, 8), (1.5, 1.5, 2, 2)}


def test_boxes_of_files_follow_their_own_pictures(tmp_path: Path) -> None:
    paths = []
    for number, size in enumerate([(40, 20), (20, 20), (80, 40)]):  # width, height
        paths.append(tmp_path / f"{number}.png")
        Image.new("L", size).save(paths[-1])
    paths[1].write_bytes(b"no picture")
    targets = BoxTargets.of([(np.array([[0, 0, 20, 10]]), np.array([place % 2])) for place in range(3)])
    dataset = bound(FileSplit(paths=tuple(paths), targets=targets), Preprocess(color="L", resize=(20, 20)))
    dataset.options["skip_bad"] = True
    parts = dataset.load_all()
    boxes = [tuple(box) for part in parts.values() for box in part.targets.boxes.tolist()]
    assert sorted(boxes) == [(0, 0, 5, 5), (0, 0, 10, 10)]


def test_the_fingerprint_knows_the_boxes() -> None:
    first = loaded(TARGETS).fingerprint
    assert loaded(TARGETS).fingerprint == first
    assert loaded(replace(TARGETS, boxes=BOXES + np.float32(1))).fingerprint != first
    assert loaded(replace(TARGETS, classes=np.array([0, 0, 1]))).fingerprint != first


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros(3, np.int64), "3 samples need BoxTargets of as many, not ndarray"),
        (TARGETS[:2], "3 samples need BoxTargets of as many, not of 2"),
        (replace(TARGETS, classes=np.array([0, 2, 0])), "the classes of boxes are whole numbers from 0 to 1"),
        (replace(TARGETS, boxes=BOXES[:, ::-1]), r"sample 0 has the box \[20.0, 10.0, 0.0, 0.0\]"),
    ],
)
def test_targets_that_do_not_fit(targets: Any, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        loaded(targets)


def test_rows_that_do_not_belong_together() -> None:
    with pytest.raises(ZooError, match="3 boxes, 3 classes, 3 crowd flags, and counts that add up to 2"):
        replace(TARGETS, counts=np.array([1, 1]))


def test_no_class_chooses_samples_of_boxes() -> None:
    scenes = open_zoo().dataset("digit-scenes")
    with pytest.raises(UsageError, match="a sample may have boxes of several classes, or none"):
        bind_dataset(scenes, {"classes": "0,1"})
