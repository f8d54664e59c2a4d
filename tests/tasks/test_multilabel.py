"""Flags against torchmetrics and by hand; thresholds that are chosen; answers; losses."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchmetrics.functional.classification import (
    multilabel_average_precision,
    multilabel_f1_score,
    multilabel_precision,
    multilabel_recall,
)

from zoo_core import UsageError, ZooError
from zoo_core.tasks import get_task
from zoo_core.training import loss_for

TASK = get_task("multilabel-classification")
LABELS = ("a", "b", "c", "d")


def drawn(count: int = 60, classes: int = 4, *, ties: bool = False) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(count + ties)
    flags = (random.random((count, classes)) < 0.4).astype(np.uint8)
    logits = 2.0 * flags - 1 + random.normal(0, 1.5, flags.shape)
    return {"logits": (np.round(logits) + 0.5 if ties else logits).astype(np.float32)}, flags


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_are_those_of_torchmetrics(ties: bool) -> None:
    outputs, flags = drawn(ties=ties)
    found = TASK.metrics(outputs, flags)
    chances = torch.from_numpy(outputs["logits"]).double().sigmoid()
    truth = torch.from_numpy(flags).long()
    oracles = {
        "map": multilabel_average_precision(chances, truth, num_labels=4, average="macro"),
        "f1": multilabel_f1_score(chances, truth, num_labels=4, average="macro"),
        "f1_micro": multilabel_f1_score(chances, truth, num_labels=4, average="micro"),
        "precision": multilabel_precision(chances, truth, num_labels=4, average="macro"),
        "recall": multilabel_recall(chances, truth, num_labels=4, average="macro"),
        "loss": F.binary_cross_entropy_with_logits(torch.from_numpy(outputs["logits"]).double(), truth.double()),
    }
    assert found == {name: pytest.approx(value.item(), rel=1e-6) for name, value in oracles.items()}


def test_any_batches_add_up_to_the_same_bits() -> None:
    outputs, flags = drawn()
    whole = TASK.metrics(outputs, flags)
    for step in (1, 11):
        tally = TASK.tally()
        for start in range(0, len(flags), step):
            tally.add({"logits": outputs["logits"][start : start + step]}, flags[start : start + step])
        assert tally.metrics() == whole
    rows = tally.details(LABELS)["classes"]
    assert [row["n"] for row in rows] == flags.sum(axis=0).tolist()
    assert float(np.mean([row["average_precision"] for row in rows])) == pytest.approx(whole["map"])


def test_a_class_that_no_sample_has_is_left_out_of_the_means() -> None:
    outputs, flags = drawn()
    flags[:, 3] = 0
    three = TASK.metrics({"logits": outputs["logits"][:, :3]}, flags[:, :3])
    found = TASK.metrics(outputs, flags)
    assert {name: found[name] for name in ("map", "f1")} == {name: three[name] for name in ("map", "f1")}
    tally = TASK.tally()
    tally.add(outputs, flags)
    assert tally.details(LABELS)["classes"][3]["average_precision"] is None


def test_perfect_answers_have_the_best_scores() -> None:
    _, flags = drawn()
    found = TASK.metrics({"logits": 40.0 * flags.astype(np.float32) - 20}, flags)
    assert {name: found[name] for name in ("map", "f1", "f1_micro")} == {"map": 1, "f1": 1, "f1_micro": 1}
    assert found["loss"] < 1e-8


def test_thresholds_are_chosen_by_f1_and_decide() -> None:
    logits = np.array([[-3.0], [-2.5], [-1.0], [-0.5]], np.float32)
    flags = np.array([[0], [0], [1], [1]], np.uint8)
    assert TASK.metrics({"y": logits}, flags)["f1"] == 0
    settings = TASK.choose({"y": logits}, flags, labels=["a"])
    low, high = 1 / (1 + np.exp([2.5, 1.0]))
    assert settings == {"thresholds": {"a": pytest.approx((low + high) / 2)}}
    chosen = TASK.with_settings(settings)
    assert chosen.metrics({"y": logits}, flags)["f1"] == 1
    assert [answer["labels"] for answer in chosen.decode({"y": logits}, labels=["a"])] == [[], [], ["a"], ["a"]]
    assert chosen.deciding is not None
    assert chosen.deciding.decisions({"y": logits}).ravel().tolist() == [0, 0, 1, 1]
    margins = chosen.deciding.margins({"y": logits})
    moved = logits + np.where(chosen.deciding.decisions({"y": logits}) == 1, -1, 1) * margins * 0.501
    assert (chosen.deciding.decisions({"y": moved}) != chosen.deciding.decisions({"y": logits})).all()
    nobody = TASK.choose({"y": logits}, np.zeros_like(flags), labels=["a"])
    assert nobody == {"thresholds": {"a": 0.5}}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"thresholds": {"a": 1.5}}, "the threshold of 'a' is between 0 and 1, not 1.5"),
        ({"thresholds": [0.5]}, "has one setting, thresholds: a probability for each label"),
        ({"limit": 3}, "has one setting, thresholds: a probability for each label"),
    ],
)
def test_settings_of_a_stranger_are_looked_at(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        get_task("multilabel-classification", settings=settings)
    with pytest.raises(ZooError, match="image-classification has no settings, and was given"):
        get_task("image-classification", settings=settings)


def test_answers_name_what_is_there() -> None:
    found = TASK.decode({"logits": np.array([[2.0, -1.0, 0.5], [-1.0, -2.0, -3.0]])}, labels=["x", "y", "z"])
    assert found[0]["labels"] == ["x", "z"]
    assert list(found[0]["probabilities"]) == ["x", "z", "y"]
    assert found[0]["probabilities"]["y"] == pytest.approx(1 / (1 + np.e))
    assert found[1]["labels"] == []
    assert TASK.in_words(found[0]) == "x 0.8808, z 0.6225"
    assert TASK.in_words(found[1]) == "none"
    assert TASK.cells(found[0]) == {"labels": "x, z", **found[0]["probabilities"]}
    assert TASK.columns(labels=["x", "y", "z"], outputs={}) == ("labels", "x", "y", "z")


def test_outputs_that_do_not_fit() -> None:
    with pytest.raises(ZooError, match=re.escape("needs y of shape (samples, classes), not (3,)")):
        TASK.decode({"y": np.zeros(3)}, labels=["a"])
    with pytest.raises(ZooError, match="needs one output, or one called 'logits'; the outputs are: a, b"):
        TASK.decode({"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}, labels=["a"])
    with pytest.raises(ZooError, match=re.escape("outputs of shape (2, 1), but targets of shape (2, 3)")):
        TASK.metrics({"y": np.zeros((2, 1))}, np.zeros((2, 3), np.uint8))
    with pytest.raises(ZooError, match=re.escape("'net' returned shape (2, 5) for 2 samples of 4 classes")):
        TASK.check_fit({"y": (2, 5)}, np.zeros((9, 4), np.uint8), count=2, model="net")
    with pytest.raises(ZooError, match="there are no samples to measure"):
        TASK.tally().metrics()


def test_chance_is_the_share_of_each_class() -> None:
    _, flags = drawn()
    same = TASK.metrics({"y": np.zeros(flags.shape, np.float32)}, flags)
    assert TASK.chance(same, flags, classes=LABELS).startswith("the same answer for every sample has map 0.")
    outputs, flags = drawn()
    assert TASK.chance(TASK.metrics(outputs, flags), flags, classes=LABELS) == ""


def test_losses_are_those_of_torch() -> None:
    outputs, flags = drawn()
    logits = torch.from_numpy(outputs["logits"]).requires_grad_()
    targets = torch.from_numpy(flags)
    wanted = F.binary_cross_entropy_with_logits(logits, targets.float())
    assert torch.equal(loss_for(TASK.name)({"logits": logits}, targets), wanted)
    smooth = F.binary_cross_entropy_with_logits(logits, targets * 0.8 + 0.1)
    assert loss_for(TASK.name, label_smoothing=0.2)({"y": logits}, targets).item() == pytest.approx(smooth.item())
    focal = loss_for(TASK.name, name="focal")({"y": logits}, targets)
    p = torch.where(targets == 1, logits.sigmoid(), 1 - logits.sigmoid())
    assert focal.item() == pytest.approx(((1 - p) ** 2 * -p.log()).mean().item(), rel=1e-5)
    with pytest.raises(UsageError, match="there is no loss 'dice'"):
        loss_for(TASK.name, name="dice")
    with pytest.raises(UsageError, match="label_smoothing is for bce, not for focal"):
        loss_for(TASK.name, name="focal", label_smoothing=0.1)
