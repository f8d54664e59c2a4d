"""The task of boxes: COCO's measures beside pycocotools, what counts as found, how it is told and drawn."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import Preprocess, UsageError, ZooError
from zoo_core.data import BoxTargets
from zoo_core.tasks import get_task

LABELS = ("cat", "dog", "cow")
Boxes = np.ndarray[Any, Any]
Picture = tuple[Boxes, Boxes, Boxes]


def oracle(found: Sequence[Picture], truth: BoxTargets) -> dict[str, float]:
    """What pycocotools says; `found`: boxes, scores and classes of each picture."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def sides(box: Boxes) -> list[float]:
        return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]

    annotations = [
        {
            "id": row + 1,
            "image_id": int(truth.picture[row]),
            "category_id": int(truth.classes[row]),
            "bbox": sides(truth.boxes[row].astype(np.float64)),
            "area": float(np.prod(truth.boxes[row].astype(np.float64)[2:] - truth.boxes[row].astype(np.float64)[:2])),
            "iscrowd": int(truth.crowd[row]),
        }
        for row in range(len(truth.boxes))
    ]
    results = [
        {"image_id": picture, "category_id": int(number), "bbox": sides(box), "score": float(score)}
        for picture, (boxes, scores, classes) in enumerate(found)
        for box, score, number in zip(boxes, scores, classes, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": picture} for picture in range(len(truth))],
            "annotations": annotations,
            "categories": [{"id": number} for number in range(len(LABELS))],
        }
        coco.createIndex()
        measured = COCOeval(coco, coco.loadRes(results), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return {"map": measured.stats[0], "map50": measured.stats[1], "recall": measured.stats[8]}


def scene(seed: int, *, pictures: int, most: int, crowds: bool) -> tuple[list[Picture], BoxTargets]:
    """Pictures with few places for their boxes, so that they overlap, and few scores, so that many are equal."""
    random = np.random.default_rng(seed)

    def boxes(count: int) -> Boxes:
        low = random.integers(0, 8, (count, 2)) * 10.0
        return np.concatenate([low, low + random.integers(1, 6, (count, 2)) * 10.0], axis=1)

    truth = [(boxes(count), random.integers(0, 3, count)) for count in random.integers(0, most, pictures)]
    targets = BoxTargets.of(truth)
    if crowds:
        crowd = random.random(len(targets.boxes)) < 0.2
        targets = BoxTargets(boxes=targets.boxes, classes=targets.classes, counts=targets.counts, crowd=crowd)
    found = []
    for own, classes in truth:
        near = own + random.normal(0, 3, own.shape)
        extra = boxes(int(random.integers(1, most)))
        both = np.concatenate([near, extra])
        both[:, 2:] = np.maximum(both[:, 2:], both[:, :2] + 1)
        labels = np.concatenate([classes, random.integers(0, 3, len(extra))])
        found.append((both, random.integers(1, 10, len(both)) / 10, labels))
    return found, targets


def chosen(found: Sequence[Picture]) -> dict[str, Boxes]:
    """As a detector that chooses by itself gives them, filled up with nothing."""
    most = max(len(scores) for _, scores, _ in found)
    outputs = {
        "boxes": np.zeros((len(found), most, 4)),
        "scores": np.zeros((len(found), most)),
        "labels": np.zeros((len(found), most), np.int64),
    }
    for picture, (boxes, scores, labels) in enumerate(found):
        for name, values in (("boxes", boxes), ("scores", scores), ("labels", labels)):
            outputs[name][picture, : len(values)] = values
    return outputs


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("crowds", [False, True])
def test_measures_are_those_of_pycocotools(seed: int, crowds: bool) -> None:
    found, targets = scene(seed, pictures=12, most=12, crowds=crowds)
    wanted = oracle(found, targets)
    assert 0.01 < wanted["map"] < 0.9
    assert get_task("detection").metrics(chosen(found), targets) == pytest.approx(wanted, abs=1e-6)


def test_of_one_class_a_hundred_count_in_a_picture() -> None:
    found, targets = scene(7, pictures=2, most=4, crowds=False)
    rows = np.arange(130)
    many = np.stack([rows % 50, rows % 40, rows % 50 + 20, rows % 40 + 20], axis=1).astype(np.float64)
    found[0] = (many, 0.9 - rows / 1000, np.zeros(130, np.int64))
    assert get_task("detection").metrics(chosen(found), targets) == pytest.approx(oracle(found, targets), abs=1e-6)


def test_measures_add_up_for_any_batches() -> None:
    found, targets = scene(3, pictures=9, most=8, crowds=True)
    task, outputs = get_task("detection"), chosen(found)
    tally = task.tally()
    for start in range(0, 9, 2):
        part = slice(start, start + 2)
        tally.add({name: value[part] for name, value in outputs.items()}, targets[part].padded())
    assert tally.metrics() == task.metrics(outputs, targets)
    rows = tally.details(LABELS)["classes"]
    assert np.mean([row["map"] for row in rows]) == pytest.approx(tally.metrics()["map"])
    assert sum(row["n"] for row in rows) == (~targets.crowd).sum()


def test_perfect_answers_get_the_best_score_and_none_the_worst() -> None:
    _, targets = scene(1, pictures=5, most=6, crowds=False)
    perfect = [(targets[place : place + 1].boxes, targets[place : place + 1].classes) for place in range(5)]
    task = get_task("detection")
    outputs = chosen([(boxes, np.ones(len(boxes)), classes) for boxes, classes in perfect])
    assert task.metrics(outputs, targets) == {"map": 1.0, "map50": 1.0, "recall": 1.0}
    assert not task.judge(outputs, targets).wrong.any()
    nothing = {name: np.zeros_like(value) for name, value in outputs.items()}
    assert task.metrics(nothing, targets) == {"map": 0.0, "map50": 0.0, "recall": 0.0}
    with pytest.raises(ZooError, match="no samples to measure"):
        task.tally().metrics()


def maps() -> dict[str, Boxes]:
    """One picture of 8 x 8 pixels in 2 x 2 cells: a dog in two cells, one of them less probable, and a cat beside."""
    logits = np.full((1, 3, 2, 2), -9.0, np.float32)
    logits[0, 1, 0] = 3.0, 2.0
    logits[0, 0, 1, 1] = -1.0
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 3.5], [0, 0, 1, 1], [5, 5, 8, 8]], np.float32)
    return {"logits": logits, "boxes": boxes.T.reshape(1, 4, 2, 2)}


def test_of_maps_the_probable_ones_that_overlap_no_better_one_are_told() -> None:
    (answer,) = get_task("detection", settings={"threshold": 0.2}).decode(maps(), labels=LABELS)
    dog, cat = answer["detections"]
    assert (dog["label"], dog["box"]) == ("dog", [0.0, 0.0, 4.0, 4.0])
    assert dog["probability"] == pytest.approx(1 / (1 + np.exp(-3)))
    assert (cat["label"], cat["box"]) == ("cat", [5.0, 5.0, 8.0, 8.0])
    task = get_task("detection")
    assert task.in_words(task.decode(maps(), labels=LABELS)[0]) == "dog 0.95"
    assert task.cells(answer) == {"count": 2, "detections": "dog 0.9526 [0 0 4 4]; cat 0.2689 [5 5 8 8]"}
    assert task.at_threshold(0.99).in_words(task.at_threshold(0.99).decode(maps(), labels=LABELS)[0]) == "nothing"


def test_the_threshold_with_the_best_f1_is_chosen() -> None:
    boxes = np.array([[0, 0, 4, 4], [10, 0, 14, 4], [20, 0, 24, 4], [30, 0, 34, 4]], np.float32)
    targets = BoxTargets.of([(boxes[[0, 2]], np.array([0, 0]))])
    outputs = chosen([(boxes, np.array([0.9, 0.3, 0.5, 0.2]), np.zeros(4, np.int64))])
    task = get_task("detection")
    assert task.choose(outputs, targets, labels=LABELS) == {"threshold": pytest.approx(0.4)}
    nothing = {name: np.zeros_like(value) for name, value in outputs.items()}
    assert task.choose(nothing, targets, labels=LABELS) == {}


def test_boxes_come_back_to_the_picture_and_are_drawn() -> None:
    task, recipe = get_task("detection"), Preprocess(resize=(20, 40), crop=(10, 20))
    answer = {"detections": [{"label": "dog", "probability": 0.9, "box": [2.0, 1.0, 12.0, 9.0]}]}
    # 40 x 80 pixels become 20 x 40, of which the middle is left: rows from 5, columns from 10.
    moved = task.in_picture(answer, size=(40, 80), recipe=recipe)
    assert moved["detections"][0]["box"] == [24.0, 12.0, 44.0, 28.0]
    grey = np.full((40, 80, 3), 128, np.uint8)
    drawn = np.asarray(Image.open(io.BytesIO(task.draw(moved, grey, labels=LABELS))))
    scale = drawn.shape[0] // 40
    assert drawn.shape == (40 * scale, 80 * scale, 3)
    assert (drawn[28 * scale, 30 * scale] != 128).any()  # the lower side of the box
    assert (drawn[20 * scale, 34 * scale] == 128).all()  # its middle
    assert (drawn[36 * scale, 34 * scale] == 128).all()  # below it


def test_what_does_not_fit_is_told() -> None:
    task = get_task("detection")
    with pytest.raises(ZooError, match="needs the outputs boxes, scores and labels, or boxes and logits"):
        task.decode({"answer": np.zeros((1, 4))}, labels=LABELS)
    with pytest.raises(ZooError, match=r"needs boxes \(N, K, 4\), scores"):
        task.decode({"boxes": np.zeros((1, 2, 4)), "scores": np.zeros(2), "labels": np.zeros(2)}, labels=LABELS)
    with pytest.raises(ZooError, match=r"needs logits \(N, classes, ...\) and boxes"):
        task.decode({"logits": np.zeros((1, 3, 2, 2)), "boxes": np.zeros((1, 4, 2, 3))}, labels=LABELS)
    with pytest.raises(ZooError, match="its file has 1 label"):
        task.decode(maps(), labels=("cat",))
    with pytest.raises(ZooError, match="names none of the classes"):
        task.decode(maps(), labels=())
    with pytest.raises(ZooError, match="outputs for 1 picture, but targets for 2"):
        task.metrics(maps(), BoxTargets.of([(np.zeros((0, 4)), np.zeros(0, np.int64))] * 2))
    with pytest.raises(ZooError, match=r"threshold is a probability from 0 to 1, not 2\.0"):
        task.at_threshold(2.0)
    with pytest.raises(ZooError, match="has one setting, threshold, and was given thresholds"):
        task.with_settings({"thresholds": {}})
    with pytest.raises(UsageError, match="has no threshold to choose"):
        get_task("regression").at_threshold(0.5)
    with pytest.raises(UsageError, match="has no loss by name"):
        task.loss(name="focal")
    with pytest.raises(ZooError, match="brings no loss, so that it cannot be trained"):
        task.loss()
    targets = BoxTargets.of([(np.array([[0, 0, 1, 1]]), np.array([1]))] * 2)
    with pytest.raises(ZooError, match=r"returned logits of shape \(2, 1, 4, 4\) for 2 pictures of 2 classes"):
        task.check_fit({"logits": (2, 1, 4, 4), "boxes": (2, 4, 4, 4)}, targets, count=2, model="net")
