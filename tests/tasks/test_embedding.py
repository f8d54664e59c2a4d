"""Vectors: recall against scikit-learn's neighbours, losses by hand, and what does not fit."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from zoo_core import UsageError, ZooError
from zoo_core.tasks import Task, get_task

TASK: Task = get_task("embedding")


def make(count: int = 200, *, classes: int = 8, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Vectors about the middle of their class, wide enough for many to have neighbours of another one."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, count)
    middles = rng.normal(size=(classes, 5))
    vectors = middles[targets] + 0.9 * rng.normal(size=(count, 5))
    return {"embedding": (vectors * rng.uniform(0.1, 9, (count, 1))).astype(np.float32)}, targets


def test_recall_against_scikit_learn() -> None:
    outputs, targets = make()
    vectors = outputs["embedding"].astype(np.float64)
    near = NearestNeighbors(n_neighbors=5, metric="cosine").fit(vectors).kneighbors(return_distance=False)
    found = TASK.metrics(outputs, targets)
    assert list(found) == ["loss", "recall@1", "recall@5"]
    for count in (1, 5):
        oracle = (targets[near[:, :count]] == targets[:, None]).any(axis=1).mean()
        assert found[f"recall@{count}"] == oracle
        assert 0.2 < oracle < 0.99
    tally = TASK.tally()
    tally.add(outputs, targets)
    rows = tally.details([f"c{number}" for number in range(9)])["classes"]
    mean = sum(row["recall@1"] * row["n"] for row in rows if row["n"]) / len(targets)
    assert mean == pytest.approx(found["recall@1"])
    assert rows[8] == {"label": "c8", "recall@1": None, "recall@5": None, "n": 0}


def contrastive_by_hand(vectors: np.ndarray, targets: np.ndarray) -> float:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    losses = []
    for row in range(len(unit)):
        others = [place for place in range(len(unit)) if place != row]
        own = [place for place in others if targets[place] == targets[row]]
        total = math.log(sum(math.exp(unit[row] @ unit[place] / 0.1) for place in others))
        if own:
            losses.append(np.mean([total - unit[row] @ unit[place] / 0.1 for place in own]))
    return float(np.mean(losses))


def test_the_contrastive_loss_is_that_of_the_part_and_of_a_batch() -> None:
    outputs, targets = make(30, classes=12)
    wanted = contrastive_by_hand(outputs["embedding"].astype(np.float64), targets)
    assert TASK.metrics(outputs, targets)["loss"] == pytest.approx(wanted, rel=1e-9)
    tensors = {"embedding": torch.from_numpy(outputs["embedding"])}
    assert float(TASK.loss()(tensors, torch.from_numpy(targets))) == pytest.approx(wanted, rel=1e-4)


def test_the_triplet_loss_by_hand() -> None:
    angles = np.array([0.0, 0.5, 2.0, 2.2])
    vectors = torch.from_numpy(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    targets = torch.tensor([0, 0, 1, 0])

    def apart(first: int, second: int) -> float:
        return 2 * math.sin(abs(angles[first] - angles[second]) / 2)

    losses = [
        math.log1p(math.exp(apart(row, far) - apart(row, near))) for row, far, near in ((0, 3, 2), (1, 3, 2), (3, 0, 2))
    ]
    found = TASK.loss(name="triplet")({"embedding": vectors}, targets)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-9)


@pytest.mark.parametrize("name", ["contrastive", "triplet"])
def test_losses_teach_and_stay_finite(name: str) -> None:
    outputs, targets = make(40)
    vectors = torch.from_numpy(outputs["embedding"]).requires_grad_()
    loss = TASK.loss(name=name)
    first = loss({"embedding": vectors}, torch.from_numpy(targets))
    first.backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()
    assert vectors.grad.abs().sum() > 0
    after = loss({"embedding": vectors.detach() - 0.1 * vectors.grad}, torch.from_numpy(targets))
    assert float(after.detach()) < float(first.detach())
    alone = torch.ones(3, 2, requires_grad=True)
    nothing = loss({"embedding": alone}, torch.arange(3))
    nothing.backward()
    assert float(nothing.detach()) == 0
    same = torch.ones(4, 2, requires_grad=True)
    loss({"embedding": same}, torch.tensor([0, 0, 1, 1])).backward()
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_batches_add_up_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, targets = make(33)
    whole = TASK.metrics(outputs, targets)
    for size in (1, 7, 33):
        tally = TASK.tally()
        for start in range(0, 33, size):
            tally.add({"embedding": outputs["embedding"][start : start + size]}, targets[start : start + size])
        assert tally.metrics() == whole
    monkeypatch.setattr("zoo_plugins.embedding.neighbours._ROWS", 5)
    assert TASK.metrics(outputs, targets) == pytest.approx(whole, rel=1e-12)


def test_equal_vectors_find_nobody_and_perfect_ones_everybody() -> None:
    targets = np.array([0, 0, 1, 1, 2])
    collapsed = TASK.metrics({"embedding": np.ones((5, 3), np.float32)}, targets)
    assert collapsed["recall@1"] == 0
    perfect = TASK.metrics({"embedding": np.eye(3, dtype=np.float32)[targets]}, targets)
    assert perfect["recall@1"] == perfect["recall@5"] == 1  # the last one is alone, and left out
    zero = TASK.metrics({"embedding": np.zeros((5, 3), np.float32)}, targets)
    assert zero["recall@1"] == 0


def test_an_answer_is_the_vector() -> None:
    (answer,) = TASK.decode({"embedding": np.array([[0.5, -1, 2, 0.25, 3]], np.float32)}, labels=("a", "b"))
    assert answer == {"embedding": [0.5, -1, 2, 0.25, 3]}
    assert TASK.in_words(answer) == "5 numbers: 0.5, -1, 2, 0.25, ..."
    assert list(TASK.cells(answer)) == [f"embedding[{place}]" for place in range(5)]


def test_what_does_not_fit() -> None:
    outputs, targets = make(6)
    with pytest.raises(ZooError, match="embedding: 6 vectors, but targets of shape"):
        TASK.metrics(outputs, targets[:5])
    with pytest.raises(ZooError, match=re.escape("needs x of shape (samples, numbers), not (6, 5, 1)")):
        TASK.metrics({"x": outputs["embedding"][..., None]}, targets)
    with pytest.raises(ZooError, match="embedding needs one output, or one called 'embedding'"):
        TASK.metrics({"a": outputs["embedding"], "b": outputs["embedding"]}, targets)
    with pytest.raises(ZooError, match="no class has two samples in this part"):
        TASK.metrics(outputs, np.arange(6))
    with pytest.raises(ZooError, match="there are no samples to measure"):
        TASK.tally().metrics()
    with pytest.raises(ZooError, match=re.escape("returned shape (6,) for 6 samples, and not a vector for each")):
        TASK.check_fit({"embedding": (6,)}, targets, count=6, model="m")
    with pytest.raises(UsageError, match="there is no loss 'focal'"):
        TASK.loss(name="focal")
    with pytest.raises(UsageError, match="label_smoothing is for classes, not for embedding"):
        TASK.loss(label_smoothing=0.1)


def test_random_vectors_are_chance() -> None:
    targets = np.arange(400) % 10
    vectors = np.random.default_rng(1).normal(size=(400, 8)).astype(np.float32)
    assert "a neighbour drawn at random gives recall@1" in TASK.chance(
        TASK.metrics({"embedding": vectors}, targets), targets, classes=()
    )
    outputs, own = make(400)
    assert TASK.chance(TASK.metrics(outputs, own), own, classes=()) == ""
    assert TASK.chance({"recall@1": 0}, np.arange(5), classes=()) == ""
