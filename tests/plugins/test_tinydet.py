"""The dataset digit-scenes, and the detector that learns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zoo_core import open_zoo
from zoo_core.data import BoundDataset, BoxTargets, bind_dataset
from zoo_core.errors import UsageError
from zoo_core.tasks import get_task


def scenes(**given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset("digit-scenes"), {key: str(value) for key, value in given.items()})


def test_scenes_have_boxes_around_their_ink() -> None:
    parts = scenes(count=40).load_all()
    assert {name: len(part) for name, part in parts.items()} == {"train": 40, "validation": 5, "test": 5}
    for part in parts.values():
        assert part.main.shape[1:] == (1, 128, 128)
        assert isinstance(part.targets, BoxTargets)
        assert part.targets.counts.max() <= 6
        assert part.targets.boxes.min() >= 0
        assert part.targets.boxes.max() <= 128
    train = parts["train"]
    for box, picture in zip(train.targets.boxes.astype(int), train.targets.picture, strict=True):
        left, top, right, bottom = box
        pixels = train.main[picture, 0].astype(int)
        assert pixels[top:bottom, left:right].max() > np.median(pixels) + 20


def test_scenes_are_the_same_for_every_count_and_differ_by_seed_and_split() -> None:
    few, more = scenes(count=8).load("train"), scenes(count=16).load("train")
    assert np.array_equal(few.main, more.main[:8])
    assert few.targets.boxes.tolist() == more.targets[:8].boxes.tolist()
    assert not np.array_equal(few.main, scenes(count=8, seed=1).load("train").main)
    assert not np.array_equal(few.main[:2], scenes(count=16).load("test").main)
    assert scenes(count=8, most=1).load("train").targets.counts.max() == 1
    with pytest.raises(UsageError, match="count is 8 to 100,000, not 2"):
        scenes(count=2).load("train")


def test_the_loss_falls_to_nothing_where_the_answer_is_right() -> None:
    spec = open_zoo().model("tinydet").spec
    assert spec.loss is not None
    targets = BoxTargets.of([(np.array([[8.0, 8, 40, 24]]), np.array([1])), (np.zeros((0, 4)), np.zeros(0, np.int64))])
    rows = torch.from_numpy(targets.padded())
    logits = torch.full((2, 3, 8, 8), -30.0)
    boxes = torch.zeros(2, 4, 8, 8) + torch.tensor([8.0, 8, 40, 24]).reshape(1, 4, 1, 1)
    missed = spec.loss({"logits": logits, "boxes": boxes}, rows)
    logits[0, 1, 2, 3] = 30.0  # the middle is (24, 16)
    right = spec.loss({"logits": logits, "boxes": boxes}, rows)
    shifted = spec.loss({"logits": logits, "boxes": boxes + 4}, rows)
    other = spec.loss({"logits": logits.flip(1).roll(1, 1), "boxes": boxes}, rows)
    assert float(right) == pytest.approx(0, abs=1e-5)
    assert 0 < float(shifted) < float(missed)
    assert float(other) > 1
    empty = spec.loss({"logits": logits[1:], "boxes": boxes[1:]}, rows[1:, :0])
    assert float(empty) == pytest.approx(0, abs=1e-5)


def test_tinydet_finds_what_the_maps_say() -> None:
    module = open_zoo().model("tinydet").build(width=4).eval()
    with torch.inference_mode():
        logits, boxes = module(torch.zeros(2, 1, 64, 96))
        logits[:, 7, 3, 5] = 2.0
    assert tuple(logits.shape) == (2, 10, 8, 12)
    assert tuple(boxes.shape) == (2, 4, 8, 12)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    middle = (boxes[0, 0, 3, 5] + boxes[0, 2, 3, 5]) / 2
    assert abs(float(middle) - 44) < 16
    (first, _) = get_task("detection", settings={"threshold": 0}).decode(
        {"logits": logits.numpy(), "boxes": boxes.numpy()}, labels=[str(number) for number in range(10)]
    )
    best = first["detections"][0]
    assert best["label"] == "7"
    assert best["box"] == pytest.approx(boxes[0, :, 3, 5].tolist(), abs=0.01)


@pytest.mark.slow
def test_it_learns_scenes_and_the_file_measures_the_same(run_zoo: Callable[..., Any]) -> None:
    few = ("-d", "count=240", "-o", "width=12", "--epochs", "6")
    assert run_zoo("train", "tinydet", "--dataset", "digit-scenes", *few, "--run", "seen").code == 0
    assert run_zoo("export", "seen").code == 0  # verified
    torch_found, file_found = (run_zoo("eval", name, "--json").json for name in ("runs/seen", "exported/seen"))
    assert torch_found["metrics"] == pytest.approx(file_found["metrics"], abs=1e-6)
    assert file_found["metrics"]["map50"] > 0.2
