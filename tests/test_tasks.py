"""Image classification against calculations by hand and against torch."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from zoo_core import ZooError
from zoo_core.specs import TASKS
from zoo_core.tasks import ClassDecisions, Task, decisions_of, get_task

TASK: Task = get_task("image-classification")
DECIDING = ClassDecisions("image-classification")


def outputs(*rows: list[float], dtype: str = "float32") -> dict[str, np.ndarray]:
    return {"logits": np.array(rows, dtype)}


def test_metrics_by_hand() -> None:
    # The first sample is right with e^0 / (e^0 + e^-inf-ish); the second is wrong with probability 1/4 for its class.
    found = TASK.metrics(outputs([math.log(3), 0.0], [0.0, math.log(1 / 3)]), np.array([0, 1]))
    assert found == {"loss": pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2, rel=1e-6), "accuracy": 0.5}
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
    with pytest.raises(ZooError, match="one called 'logits'; the outputs are: features, scores"):
        TASK.metrics({"features": np.eye(2), "scores": np.eye(2)}, np.array([0, 1]))


def test_places_of_a_segmentation_and_a_single_logit_decide() -> None:
    masks = decisions_of("semantic-segmentation")
    assert masks is not None
    out = np.array([[[[0.0, 2.0]], [[1.0, -1.0]]]])  # (1, 2, 1, 2)
    assert masks.decisions({"out": out, "aux": out}).tolist() == [[[1, 0]]]
    assert masks.margins({"out": out}).tolist() == [[[1.0, 3.0]]]
    assert masks.decisions({"mask": np.array([[[0.5, -0.5]]])}).tolist() == [[1, 0]]
    assert masks.margins({"mask": np.array([[[0.5, -0.5]]])}).tolist() == [[1.0, 1.0]]
    with pytest.raises(ZooError, match=re.escape("semantic-segmentation needs mask of shape (samples, classes, ...)")):
        masks.decisions({"mask": np.zeros(3)})
    assert decisions_of("optical-flow") is None


def test_labels_and_targets_must_fit() -> None:
    for labels in (["a"], ["a", "b", "c"], ["a", "a"]):
        with pytest.raises(ZooError, match="tells 2 classes apart, but there are"):
            TASK.decode(outputs([0.0, 1.0]), labels=labels)
    with pytest.raises(ZooError, match="targets from 0 to 2, but the model tells 2 classes apart"):
        TASK.metrics(outputs([0.0, 1.0], [0.0, 1.0]), np.array([0, 2]))
    with pytest.raises(ZooError, match=re.escape("1 outputs, but targets of shape (2,)")):
        TASK.metrics(outputs([0.0, 1.0]), np.array([0, 1]))


@pytest.mark.parametrize("name", [name for name in TASKS if name != "image-classification"])
def test_tasks_to_come(name: str) -> None:
    with pytest.raises(ZooError, match=f"the task '{name}' cannot be trained or decoded yet") as caught:
        get_task(name)
    assert caught.value.exit_code == 1


def test_an_unknown_task_gets_a_suggestion() -> None:
    with pytest.raises(ZooError, match="unknown task 'image-clasification'") as caught:
        get_task("image-clasification")
    assert "'image-classification'" in str(caught.value.hint)
