"""What always answering the commonest class scores, and who is no better."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core.tasks import get_task
from zoo_plugins.classification.chance import scores_of_commonest

CLASSES = np.repeat([0, 1, 2], [10, 70, 20])
MASKS = np.tile(np.repeat([0, 1, 255], [3, 9, 4]).astype(np.uint8).reshape(4, 4), (5, 1, 1))


@pytest.mark.parametrize(
    ("task", "targets", "classes", "commonest"),
    [("image-classification", CLASSES, 3, 1), ("semantic-segmentation", MASKS, 2, 1)],
)
def test_the_commonest_class_scores_what_the_task_says_of_its_answers(
    task: str, targets: np.ndarray, classes: int, commonest: int
) -> None:
    logits = np.zeros((len(targets), classes, *targets.shape[1:]), np.float32)
    logits[:, commonest] = 5
    measured = get_task(task).metrics({"logits": logits}, targets)
    found, scores = scores_of_commonest(targets, places=task == "semantic-segmentation")
    assert found == commonest
    assert scores == pytest.approx({name: measured[name] for name in scores})
    words = get_task(task).chance(measured, targets, classes=["zero"])
    assert words.startswith("always answering 1, the commonest class, has ")


@pytest.mark.parametrize(
    ("metrics", "is_chance"),
    [
        ({"accuracy": 0.70, "recall": 0.34}, True),
        ({"accuracy": 0.74, "recall": 0.36}, True),  # within luck, for a hundred samples
        ({"accuracy": 0.65, "recall": 0.60}, False),  # below the commonest class, and finds the rare ones
        ({"accuracy": 0.95, "recall": 0.90}, False),
    ],
)
def test_luck_is_no_knowledge_and_rare_classes_count(metrics: dict[str, float], is_chance: bool) -> None:
    words = get_task("image-classification").chance(metrics, CLASSES, classes=["a", "b", "c"])
    assert bool(words) == is_chance
    if words:
        assert words.startswith("always answering 'b', the commonest class, has accuracy 0.7000; this has")


def test_all_right_is_never_chance_however_common_a_class_is() -> None:
    targets = np.repeat([0, 1], [99, 1])
    words = get_task("image-classification").chance({"accuracy": 1.0, "recall": 1.0}, targets, classes=["a", "b"])
    assert words == ""
