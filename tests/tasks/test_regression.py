"""Regression against torchmetrics and by hand; what batches add up to; answers; losses."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchmetrics.functional import mean_absolute_error, r2_score

from zoo_core import TensorSpec, UsageError, ZooError
from zoo_core.tasks import get_task
from zoo_core.training import loss_for

TASK = get_task("regression")


def drawn(count: int = 40, numbers: int = 3) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(count)
    truth = random.normal(size=(count, numbers)).astype(np.float32) * np.arange(1, numbers + 1, dtype=np.float32)
    return {"values": truth + random.normal(0, 0.5, truth.shape).astype(np.float32)}, truth


@pytest.mark.parametrize("numbers", [1, 3])
def test_metrics_are_those_of_torchmetrics(numbers: int) -> None:
    outputs, truth = drawn(numbers=numbers)
    found = TASK.metrics(outputs, truth)
    ours, theirs = (torch.from_numpy(each).double() for each in (outputs["values"], truth))
    squares = ((ours - theirs) ** 2).mean(0)
    assert found == {
        "loss": pytest.approx(squares.mean().item()),
        "mae": pytest.approx(mean_absolute_error(ours, theirs).item()),
        "rmse": pytest.approx(squares.sqrt().mean().item()),
        "r2": pytest.approx(r2_score(ours, theirs, multioutput="uniform_average").item()),
    }
    assert TASK.selection == "-rmse"


def test_any_batches_add_up_to_the_same_bits() -> None:
    outputs, truth = drawn()
    whole = TASK.metrics(outputs, truth)
    for step in (1, 7, 39):
        tally = TASK.tally()
        for start in range(0, len(truth), step):
            tally.add({"values": outputs["values"][start : start + step]}, truth[start : start + step])
        assert tally.metrics() == whole
    details = tally.details(["a", "b", "c"])["numbers"]
    assert [row["label"] for row in details] == ["a", "b", "c"]
    assert float(np.mean([row["r2"] for row in details])) == pytest.approx(whole["r2"])


def test_perfect_answers_and_a_truth_that_never_changes() -> None:
    _, truth = drawn()
    assert TASK.metrics({"y": truth}, truth) == {"loss": 0, "mae": 0, "rmse": 0, "r2": 1}
    same = np.full((5, 1), 2, np.float32)
    assert TASK.metrics({"y": same}, same)["r2"] == 1
    assert TASK.metrics({"y": same + 1}, same)["r2"] == 0
    with pytest.raises(ZooError, match="there are no samples to measure"):
        TASK.tally().metrics()


def test_answers_are_numbers_by_name() -> None:
    one = TASK.decode({"price": np.array([[1.5], [2.5]], np.float32)}, labels=[])
    assert one == [{"value": 1.5, "values": {"price": 1.5}}, {"value": 2.5, "values": {"price": 2.5}}]
    assert TASK.in_words(one[0]) == "1.5"
    assert TASK.decode({"price": np.array([3.0], np.float32)}, labels=["euro"])[0]["values"] == {"euro": 3.0}
    two = TASK.decode({"box": np.array([[1, 2]], np.float32)}, labels=["w", "h"])[0]
    assert two == {"values": {"w": 1.0, "h": 2.0}}
    assert TASK.in_words(two) == "w 1, h 2"
    assert TASK.cells(two) == {"w": 1.0, "h": 2.0}
    assert TASK.columns(labels=[], outputs={"box": TensorSpec("N", 2)}) == ("box[0]", "box[1]")
    with pytest.raises(ZooError, match="gives 2 numbers, but there are names for 1"):
        TASK.decode({"box": np.array([[1, 2]], np.float32)}, labels=["w"])


def test_outputs_that_do_not_fit() -> None:
    with pytest.raises(ZooError, match="not a finite number for 1 of 2 samples"):
        TASK.decode({"y": np.array([[1.0], [math.nan]])}, labels=[])
    with pytest.raises(ZooError, match=re.escape("needs y of shape (samples,) or (samples, numbers), not (1, 2, 3)")):
        TASK.decode({"y": np.zeros((1, 2, 3))}, labels=[])
    with pytest.raises(ZooError, match="regression needs one output, or one called 'values'"):
        TASK.decode({"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}, labels=[])
    with pytest.raises(ZooError, match=re.escape("outputs of shape (2, 1), but targets of shape (2, 3)")):
        TASK.metrics({"y": np.zeros((2, 1), np.float32)}, np.zeros((2, 3), np.float32))
    with pytest.raises(ZooError, match=re.escape("'net' returned shape (2, 4) for 2 samples of 3 numbers")):
        TASK.check_fit({"y": (2, 4)}, np.zeros((9, 3), np.float32), count=2, model="net")
    TASK.check_fit({"y": (2,)}, np.zeros((9, 1), np.float32), count=2, model="net")


def test_chance_is_the_mean() -> None:
    truth = np.array([[0.0], [2.0]], np.float32)
    mean = TASK.metrics({"y": np.ones((2, 1), np.float32)}, truth)
    assert TASK.chance(mean, truth, classes=()) == "always answering the mean has rmse 1; this has 1"
    better = TASK.metrics({"y": np.array([[0.1], [1.9]], np.float32)}, truth)
    assert TASK.chance(better, truth, classes=()) == ""


def test_losses_are_those_of_torch() -> None:
    outputs, truth = drawn()
    given = {name: torch.from_numpy(value).requires_grad_() for name, value in outputs.items()}
    targets = torch.from_numpy(truth)
    for name, wanted in ((None, F.mse_loss), ("mae", F.l1_loss), ("huber", F.huber_loss)):
        value = loss_for("regression", name=name)(given, targets)
        assert torch.equal(value, wanted(given["values"], targets))
        value.backward()
        assert given["values"].grad is not None
    flat = {"y": torch.tensor([1.0, 2.0])}
    assert loss_for("regression")(flat, torch.tensor([[1.0], [4.0]])).item() == 2
    with pytest.raises(UsageError, match="there is no loss 'mea'"):
        loss_for("regression", name="mea")
    with pytest.raises(UsageError, match="label_smoothing is for classes, not for regression"):
        loss_for("regression", label_smoothing=0.1)
