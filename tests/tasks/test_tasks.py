"""Classification against calculations by hand, against torch and torchmetrics; the look-up of tasks."""

from __future__ import annotations

import contextlib
import json
import math
import re

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)

from zoo_core import ZooError
from zoo_core.discovery.entry_points import bundled_offers
from zoo_core.tasks import Task, get_task
from zoo_core.training.losses import loss_for

TASK: Task = get_task("image-classification")
DECIDING = TASK.deciding


def outputs(*rows: list[float], dtype: str = "float32") -> dict[str, np.ndarray]:
    return {"logits": np.array(rows, dtype)}


def test_metrics_by_hand() -> None:
    # The first sample is right with e^0 / (e^0 + e^-inf-ish); the second is wrong with probability 1/4 for its class.
    found = TASK.metrics(outputs([math.log(3), 0.0], [0.0, math.log(1 / 3)]), np.array([0, 1]))
    assert found == {
        "loss": pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2, rel=1e-6),
        "accuracy": 0.5,
        "precision": 0.25,  # of the first class 1/2, of the second, which is never decided, 0
        "recall": 0.5,
        "f1": pytest.approx(1 / 3),
    }
    assert TASK.selection == "accuracy"


def test_top5_counts_the_five_best() -> None:
    row = [9.0, 8, 7, 6, 5, 4, 3]
    targets = np.arange(7)
    found = TASK.metrics(outputs(*[row] * 7), targets)
    assert found["top5"] == 5 / 7
    assert found["accuracy"] == 1 / 7
    assert "top5" not in TASK.metrics(outputs(*[row[:5]] * 5), targets[:5])


def test_equal_logits_decide_for_the_first_class() -> None:
    tie = outputs([1.0, 3, 3, 0, 0, 0, 0], [0.0] * 7)
    assert DECIDING.decisions(tie).tolist() == [1, 0]
    assert DECIDING.margins(tie).tolist() == [0, 0]
    assert TASK.metrics(tie, np.array([1, 0]))["accuracy"] == 1
    assert TASK.metrics(tie, np.array([2, 4]))["accuracy"] == 0
    assert TASK.metrics(tie, np.array([2, 4]))["top5"] == 1
    assert TASK.metrics(tie, np.array([2, 5]))["top5"] == 0.5


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0, 1e4])
def test_metrics_against_torch(scale: float) -> None:
    rng = np.random.default_rng(3)
    logits = (rng.normal(size=(500, 12)) * scale).astype(np.float32)
    targets = rng.integers(0, 12, 500)
    found = TASK.metrics({"logits": logits}, targets)
    tensor, truth = torch.from_numpy(logits).double(), torch.from_numpy(targets)
    assert found["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(tensor, truth)), rel=1e-12)
    assert found["accuracy"] == float((tensor.argmax(1) == truth).double().mean())
    assert found["top5"] == float((tensor.topk(5).indices == truth[:, None]).any(1).double().mean())
    assert DECIDING.decisions({"logits": logits}).tolist() == tensor.argmax(1).tolist()
    best = tensor.topk(2).values
    assert np.allclose(DECIDING.margins({"logits": logits}), (best[:, 0] - best[:, 1]).numpy(), rtol=0, atol=0)


def test_answers_are_sorted_and_add_up() -> None:
    (answer,) = TASK.decode(outputs([0.0, math.log(2), math.log(5)]), labels=["a", "b", "c"])
    assert answer["label"] == "c"
    assert answer["probability"] == answer["probabilities"]["c"] == pytest.approx(5 / 8)
    assert list(answer["probabilities"].items()) == [
        ("c", pytest.approx(5 / 8)),
        ("b", pytest.approx(2 / 8)),
        ("a", pytest.approx(1 / 8)),
    ]
    assert type(answer["probability"]) is float


def test_large_logits_do_not_overflow() -> None:
    first, second = TASK.decode(outputs([3e38, -3e38], [1000.0, 999.0]), labels=["a", "b"])
    assert first["probabilities"] == {"a": 1.0, "b": 0.0}
    assert second["probability"] == pytest.approx(1 / (1 + math.exp(-1)))


def test_answers_against_torch() -> None:
    logits = np.random.default_rng(4).normal(size=(20, 7)).astype(np.float32)
    expected = torch.from_numpy(logits).double().softmax(1)
    labels = [f"class {index}" for index in range(7)]
    for answer, row in zip(TASK.decode({"out": logits}, labels=labels), expected, strict=True):
        assert answer["probabilities"] == {labels[i]: pytest.approx(float(p), rel=1e-12) for i, p in enumerate(row)}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_outputs_that_are_not_finite(bad: float) -> None:
    broken = outputs([0.0, 1.0], [0.0, bad], [bad, bad])
    text = "the model's output is not a finite number for 2 of 3 samples"
    with pytest.raises(ZooError, match=text) as caught:
        TASK.metrics(broken, np.array([0, 1, 0]))
    assert "learning rate" in str(caught.value.hint)
    with pytest.raises(ZooError, match=text):
        TASK.decode(broken, labels=["a", "b"])


@pytest.mark.parametrize("shape", [(3,), (3, 1), (0, 4), (2, 3, 4)])
def test_outputs_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ZooError, match=re.escape(f"(samples, 2 classes or more), not {shape}")):
        TASK.metrics({"logits": np.zeros(shape, np.float32)}, np.zeros(len(np.zeros(shape)), np.int64))
    with pytest.raises(ZooError, match=re.escape("needs logits of shape (samples, 2 classes or more), not")):
        DECIDING.decisions({"logits": np.zeros(shape, np.float32)})


def test_several_outputs_need_one_called_logits() -> None:
    both = {"features": np.zeros((2, 9)), "logits": np.eye(2)}
    assert DECIDING.decisions(both).tolist() == [0, 1]
    with pytest.raises(ZooError, match="one called 'logits' or 'out'; the outputs are: features, scores"):
        DECIDING.decisions({"features": np.eye(2), "scores": np.eye(2)})
    with pytest.raises(ZooError, match="one called 'logits' or 'out'; the outputs are: features, scores"):
        TASK.metrics({"features": np.eye(2), "scores": np.eye(2)}, np.array([0, 1]))


def test_places_of_a_segmentation_and_a_single_logit_decide() -> None:
    masks = get_task("semantic-segmentation").deciding
    assert masks is not None
    out = np.array([[[[0.0, 2.0]], [[1.0, -1.0]]]])  # (1, 2, 1, 2)
    assert masks.decisions({"out": out, "aux": out}).tolist() == [[[1, 0]]]
    assert masks.margins({"out": out}).tolist() == [[[1.0, 3.0]]]
    assert masks.decisions({"mask": np.array([[[0.5, -0.5]]])}).tolist() == [[1, 0]]
    assert masks.margins({"mask": np.array([[[0.5, -0.5]]])}).tolist() == [[1.0, 1.0]]
    with pytest.raises(ZooError, match=re.escape("semantic-segmentation needs mask of shape (samples, classes, ...)")):
        masks.decisions({"mask": np.zeros(3)})
    assert get_task("optical-flow").deciding is None


def test_labels_and_targets_must_fit() -> None:
    for labels in (["a"], ["a", "b", "c"], ["a", "a"]):
        with pytest.raises(ZooError, match="tells 2 classes apart, but there are"):
            TASK.decode(outputs([0.0, 1.0]), labels=labels)
    with pytest.raises(ZooError, match="targets from 0 to 2, but the model tells 2 classes apart"):
        TASK.metrics(outputs([0.0, 1.0], [0.0, 1.0]), np.array([0, 2]))
    with pytest.raises(ZooError, match=re.escape("1 output, but targets of shape (2,)")):
        TASK.metrics(outputs([0.0, 1.0]), np.array([0, 1]))


@pytest.mark.parametrize("seed", range(3))
def test_scores_against_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(90, 7)).astype(np.float32), rng.integers(0, 5, 90)
    logits[:, 6] -= 99  # class 6 occurs neither as truth nor as decision, class 5 only as decision
    logits[:, 4] -= 99  # class 4 is never decided
    found = TASK.metrics({"logits": logits}, targets)
    tally = TASK.tally()
    tally.add({"logits": logits}, targets)
    details = tally.details([f"class {index}" for index in range(7)])
    truth, decided = torch.from_numpy(targets), torch.from_numpy(logits.argmax(1))
    oracles = {"precision": multiclass_precision, "recall": multiclass_recall, "f1": multiclass_f1_score}
    for name, oracle in oracles.items():
        macro = float(oracle(decided, truth, num_classes=7, average="macro"))
        assert found[name] == pytest.approx(macro, rel=1e-6), name
        each = oracle(decided, truth, num_classes=7, average="none").tolist()
        assert [row[name] for row in details["classes"]] == [*(pytest.approx(value) for value in each[:6]), None]
    accuracy = multiclass_accuracy(torch.from_numpy(logits), truth, num_classes=7, average="micro")
    top5 = multiclass_accuracy(torch.from_numpy(logits), truth, num_classes=7, average="micro", top_k=5)
    assert (found["accuracy"], found["top5"]) == (pytest.approx(float(accuracy)), pytest.approx(float(top5)))
    assert details["confusion"] == multiclass_confusion_matrix(decided, truth, num_classes=7).tolist()
    assert [row["n"] for row in details["classes"]] == np.bincount(targets, minlength=7).tolist()


def test_batches_add_up_to_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(300, 9)).astype(np.float32), rng.integers(0, 9, 300)
    for size in (1, 7, 64):
        tally = TASK.tally()
        for start in range(0, 300, size):
            tally.add({"logits": logits[start : start + size]}, targets[start : start + size])
        assert tally.metrics() == TASK.metrics({"logits": logits}, targets)


def test_details_are_plain_and_leave_out_a_huge_matrix() -> None:
    tally = TASK.tally()
    tally.add(outputs([0.0, 1.0], [1.0, 0.0], [0.0, 2.0]), np.array([1, 1, 0]))
    assert json.loads(json.dumps(tally.details(["no", "yes"]))) == {
        "classes": [
            {"label": "no", "precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 1},
            {"label": "yes", "precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 2},
        ],
        "confusion": [[0, 1], [1, 1]],
    }
    with pytest.raises(ZooError, match="tells 2 classes apart, but there are 1 different labels"):
        tally.details(["yes"])
    many = TASK.tally()
    many.add({"logits": np.eye(3, 30_000, dtype=np.float32)}, np.array([0, 1, 5]))
    assert many.metrics()["accuracy"] == 2 / 3
    assert many.details(list(map(str, range(30_000))))["confusion"] is None


def test_an_empty_tally_has_no_metrics() -> None:
    for name in ("image-classification", "semantic-segmentation"):
        with pytest.raises(ZooError, match="there are no samples to measure"):
            get_task(name).tally().metrics()


# --- one logit


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_one_logit_tells_two_classes_apart(shape: tuple[int, ...]) -> None:
    task = get_task("binary-classification")
    deciding = task.deciding
    assert deciding is not None
    rng = np.random.default_rng(1)
    logits, targets = (rng.normal(size=40) * 3).astype(np.float32), rng.integers(0, 2, 40)
    given = {"logits": logits.reshape(shape)}
    found = task.metrics(given, targets)
    tensor, truth = torch.from_numpy(logits).double(), torch.from_numpy(targets)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(tensor, truth.double())
    assert found["loss"] == pytest.approx(float(bce), rel=1e-12)
    assert found["accuracy"] == float(((tensor > 0) == truth).double().mean())
    for name, oracle in {"precision": multiclass_precision, "recall": multiclass_recall}.items():
        assert found[name] == pytest.approx(float(oracle((tensor > 0).long(), truth, num_classes=2)), rel=1e-6)
    assert deciding.decisions(given).tolist() == (logits > 0).astype(int).tolist()
    assert deciding.margins(given).tolist() == (2 * np.abs(logits.astype(np.float64))).tolist()
    answers = task.decode(given, labels=["no", "yes"])
    for answer, logit in zip(answers, tensor, strict=True):
        assert answer["probabilities"]["yes"] == pytest.approx(float(logit.sigmoid()), rel=1e-12)
        assert answer["label"] == ("yes" if logit > 0 else "no")
    # as two logits, 0 and z
    both = np.stack([np.zeros_like(logits), logits], axis=1)
    assert task.metrics({"logits": both}, targets) == found


def test_one_logit_of_0_is_the_first_class_and_a_hair_above_it_the_second() -> None:
    task = get_task("binary-classification")
    answers = task.decode({"logits": np.array([0.0, -0.0, 1e-30], np.float32)}, labels=["no", "yes"])
    assert [answer["label"] for answer in answers] == ["no", "no", "yes"]
    assert task.metrics({"logits": np.zeros(2, np.float32)}, np.array([0, 1]))["accuracy"] == 0.5


@pytest.mark.parametrize("shape", [(0,), (0, 1), (2, 3, 4)])
def test_binary_outputs_of_another_shape(shape: tuple[int, ...]) -> None:
    words = re.escape(f"binary-classification needs logits of shape (samples,) or (samples, classes), not {shape}")
    with pytest.raises(ZooError, match=words):
        get_task("binary-classification").decode({"logits": np.zeros(shape, np.float32)}, labels=["a", "b"])


def test_classes_from_255_on_count_where_there_are_so_many() -> None:
    logits = np.zeros((2, 300), np.float32)
    logits[0, 255] = logits[1, 0] = 1
    assert TASK.metrics({"logits": logits}, np.array([255, 255]))["accuracy"] == 0.5


# --- tasks that give numbers, and the look-up


@pytest.mark.parametrize(("name", "gives"), [("features", "arrays"), ("image-filter", "pictures")])
def test_tasks_that_give_numbers(name: str, gives: str) -> None:
    task = get_task(name)
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    first, second = task.decode({"a": values, "b": values[:, 0]}, labels=[])
    assert task.gives == gives
    np.testing.assert_array_equal(first["a"], values[0])
    np.testing.assert_array_equal(second["b"], values[1, 0])
    with pytest.raises(ZooError, match=f"{name} has no metrics: there is no truth"):
        task.metrics({"a": values}, np.array([0, 1]))
    with pytest.raises(ZooError, match="output 'a' is not finite"):
        task.decode({"a": np.full((1, 2), np.nan)}, labels=[])
    assert get_task(name).deciding is None


@pytest.mark.parametrize("name", ["instance-segmentation", "keypoints", "optical-flow"])
def test_tasks_that_are_told_and_not_measured_yet(name: str) -> None:
    with pytest.raises(ZooError, match=f"the task '{name}' cannot be measured yet") as caught:
        get_task(name).tally()
    assert caught.value.exit_code == 1


def test_a_task_that_cannot_be_trained_yet() -> None:
    with pytest.raises(ZooError, match="the task 'optical-flow' cannot be trained yet"):
        get_task("optical-flow").loss()


def test_every_task_has_what_its_spec_says() -> None:
    for name in bundled_offers("task"):
        task = get_task(name)
        assert task.name == name == task.spec.name
        with contextlib.nullcontext() if task.spec.is_trained else pytest.raises(ZooError):
            task.tally()
        has_loss = task.spec.is_trained and task.spec.loss != "the model's own"
        with contextlib.nullcontext() if has_loss else pytest.raises(ZooError):
            loss_for(name)
        assert (task.gives in {"masks", "sequences"}) == (task.spec.targets == "masks")


def test_films_signals_texts_and_sounds_are_classified_as_pictures_are() -> None:
    found = outputs([0.0, 1.0], [0.0, 1.0])
    for kind in ("video", "sequence", "text", "audio"):
        task = get_task(f"{kind}-classification")
        assert task.metrics(found, np.array([1, 0])) == TASK.metrics(found, np.array([1, 0]))


def test_an_unknown_task_gets_a_suggestion() -> None:
    with pytest.raises(ZooError, match="unknown task 'image-clasification'") as caught:
        get_task("image-clasification")
    assert "'image-classification'" in str(caught.value.hint)
    assert caught.value.exit_code == 2
