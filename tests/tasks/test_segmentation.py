"""Masks of pictures and sequences: metrics against torchmetrics and by hand, and what outputs decide."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_jaccard_index,
    multiclass_precision,
    multiclass_recall,
)

from zoo_core import ZooError
from zoo_core.specs import IGNORED
from zoo_core.tasks import Task, get_task

PICTURES: Task = get_task("semantic-segmentation")
SEQUENCES: Task = get_task("sequence-segmentation")

Arrays = tuple[np.ndarray, np.ndarray]


def make(*, classes: int, places: tuple[int, ...], seed: int = 0, count: int = 5) -> Arrays:
    """Logits that are right more often than not, and masks with a tenth of ignored places."""
    rng = np.random.default_rng(seed)
    masks = rng.integers(0, max(2, classes), (count, *places)).astype(np.uint8)
    logits = rng.normal(size=(count, classes, *places))
    if classes == 1:
        logits[:, 0] += 2.0 * masks - 1
    else:
        logits += 1.5 * (masks[:, None] == np.arange(classes).reshape(1, -1, *[1] * len(places)))
    masks[rng.random(masks.shape) < 0.1] = IGNORED
    return logits.astype(np.float32), masks


def decided(logits: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(1))


@pytest.mark.parametrize("places", [(6, 7), (30,)])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_metrics_against_torchmetrics(classes: int, places: tuple[int, ...]) -> None:
    task = PICTURES if len(places) == 2 else SEQUENCES
    logits, masks = make(classes=classes, places=places)
    found = task.metrics({"logits": logits}, masks)
    told = max(2, classes)
    given = decided(logits), torch.from_numpy(masks.astype(np.int64))
    options = {"num_classes": told, "ignore_index": IGNORED}
    assert list(found) == ["loss", "iou_mean", "dice", "pixel_accuracy"]
    assert found["iou_mean"] == pytest.approx(float(multiclass_jaccard_index(*given, **options)), rel=1e-6)
    assert found["dice"] == pytest.approx(float(multiclass_f1_score(*given, **options)), rel=1e-6)
    counted = masks != IGNORED
    assert found["pixel_accuracy"] == (given[0].numpy() == masks)[counted].mean()
    tally = task.tally()
    tally.add({"logits": logits}, masks)
    details = tally.details([f"class {index}" for index in range(told)])
    assert details["confusion"] == multiclass_confusion_matrix(*given, **options).tolist()
    oracles = {
        "iou": multiclass_jaccard_index,
        "dice": multiclass_f1_score,
        "precision": multiclass_precision,
        "recall": multiclass_recall,
    }
    for name, oracle in oracles.items():
        each = oracle(*given, **options, average="none").tolist()
        assert [row[name] for row in details["classes"]] == pytest.approx(each, rel=1e-6)
    assert sum(row["n"] for row in details["classes"]) == counted.sum()


@pytest.mark.parametrize("classes", [1, 3])
def test_the_loss_is_the_mean_over_counted_places(classes: int) -> None:
    logits, masks = make(classes=classes, places=(6, 7))
    tensor, truth = torch.from_numpy(logits).double(), torch.from_numpy(masks.astype(np.int64))
    if classes == 1:
        counted = truth != IGNORED
        wanted = torch.nn.functional.binary_cross_entropy_with_logits(tensor[:, 0][counted], truth[counted].double())
    else:
        wanted = torch.nn.functional.cross_entropy(tensor, truth, ignore_index=IGNORED)
    assert PICTURES.metrics({"logits": logits}, masks)["loss"] == pytest.approx(float(wanted), rel=1e-12)


def test_metrics_by_hand_with_both_classes_of_a_binary_mask() -> None:
    logits = np.array([[[[1.0, 1, -1, -1]]]], np.float32)
    masks = np.array([[[1, 0, 0, IGNORED]]], np.uint8)
    found = PICTURES.metrics({"logits": logits}, masks)
    assert found["iou_mean"] == (1 / 2 + 1 / 2) / 2
    assert found["dice"] == pytest.approx(2 / 3)
    assert found["pixel_accuracy"] == pytest.approx(2 / 3)
    all_empty = PICTURES.metrics({"logits": -np.ones((1, 1, 2, 2), np.float32)}, np.zeros((1, 2, 2), np.uint8))
    # The second class occurs neither in the masks nor in the decisions, so nothing is known about it.
    assert (all_empty["iou_mean"], all_empty["dice"]) == (1.0, 1.0)


def test_a_class_that_is_only_decided_counts_as_0() -> None:
    logits = np.zeros((1, 3, 1, 4), np.float32)
    logits[0, [0, 0, 0, 2], 0, range(4)] = 1
    found = PICTURES.metrics({"logits": logits}, np.zeros((1, 1, 4), np.uint8))
    assert found["iou_mean"] == (3 / 4 + 0) / 2  # class 1 is left out
    tally = PICTURES.tally()
    tally.add({"logits": logits}, np.zeros((1, 1, 4), np.uint8))
    rows = tally.details(["a", "b", "c"])["classes"]
    assert [row["iou"] for row in json.loads(json.dumps(rows))] == [0.75, None, 0.0]
    with pytest.raises(ZooError, match="tells 3 classes apart, but there are 2 different labels"):
        tally.details(["a", "b"])


@pytest.mark.parametrize("classes", [1, 3])
def test_batches_add_up_to_the_same_bits(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, masks = make(classes=classes, places=(16, 16), count=12)
    whole = PICTURES.metrics({"out": logits}, masks)
    for size in (1, 5, 12):
        tally = PICTURES.tally()
        for start in range(0, 12, size):
            tally.add({"out": logits[start : start + size]}, masks[start : start + size])
        assert tally.metrics() == whole
    monkeypatch.setattr("zoo_plugins.classification.places._VALUES", 1)
    assert PICTURES.metrics({"out": logits}, masks) == whole


def test_masks_and_probabilities_are_decoded() -> None:
    (answer,) = PICTURES.decode({"logits": np.array([[[[2.0, -1.0]]]], np.float32)}, labels=["ground", "pet"])
    assert answer["mask"].tolist() == [[1, 0]]
    assert answer["mask"].dtype == np.uint8
    assert answer["probability"].tolist() == [pytest.approx([1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(-1.0))])]
    logits, _ = make(classes=4, places=(9,))
    for answer, row in zip(SEQUENCES.decode({"logits": logits}, labels=[]), logits, strict=True):
        chances = torch.from_numpy(row).softmax(0)
        assert answer["mask"].tolist() == chances.argmax(0).tolist()
        assert answer["probability"] == pytest.approx(chances.max(0).values.numpy(), rel=1e-5)
    with pytest.raises(ZooError, match="tells 2 classes apart, but there are 3 different labels"):
        PICTURES.decode({"logits": np.zeros((1, 1, 2, 2))}, labels=["a", "b", "c"])


def test_decisions_are_those_of_the_decoded_mask() -> None:
    for classes in (1, 3):
        logits, _ = make(classes=classes, places=(4, 5))
        deciding = get_task("semantic-segmentation").deciding
        assert deciding is not None
        masks = np.stack([answer["mask"] for answer in PICTURES.decode({"logits": logits}, labels=[])])
        np.testing.assert_array_equal(deciding.decisions({"logits": logits}), masks)


@pytest.mark.parametrize(
    ("task", "shape", "words"),
    [
        (PICTURES, (2, 3, 8), "needs logits of shape (samples, classes, height, width), not (2, 3, 8)"),
        (SEQUENCES, (2, 3, 8, 8), "needs logits of shape (samples, classes, length), not (2, 3, 8, 8)"),
        (SEQUENCES, (8,), "needs logits of shape (samples, classes, ...), not (8,)"),
        (PICTURES, (1, 256, 2, 2), "tells at most 255 classes apart, not 256"),
    ],
)
def test_outputs_of_another_shape(task: Task, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        task.decode({"logits": np.zeros(shape, np.float32)}, labels=[])


def test_masks_must_fit() -> None:
    logits = {"logits": np.zeros((2, 1, 4, 4), np.float32)}
    words = "outputs of shape (2, 1, 4, 4) do not fit masks of shape (2, 4, 5)"
    with pytest.raises(ZooError, match=re.escape(words)):
        PICTURES.metrics(logits, np.zeros((2, 4, 5), np.uint8))
    with pytest.raises(ZooError, match="masks hold the classes 0 to 2, but the model tells 2 classes apart"):
        PICTURES.metrics(logits, np.arange(32, dtype=np.uint8).reshape(2, 4, 4) % 3)
    with pytest.raises(ZooError, match="every place of every mask is 255, which is not counted"):
        PICTURES.metrics(logits, np.full((2, 4, 4), IGNORED, np.uint8))
    with pytest.raises(ZooError, match="not a finite number for 1 of 2 samples"):
        PICTURES.metrics({"logits": np.array([0.0, np.nan]).reshape(2, 1, 1, 1)}, np.zeros((2, 1, 1), np.uint8))
