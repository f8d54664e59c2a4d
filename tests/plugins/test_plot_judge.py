"""How answers are judged: the worst first, by loss, probability or IoU."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_samples import numbered, predictor_of

from zoo_core.specs import IGNORED
from zoo_core.tasks import get_task
from zoo_plugins.plot.judge import judge_all, survey, worst_first


def test_the_worst_errors_come_first() -> None:
    assert worst_first(np.array([0.1, 3, 0.9, 2]), np.array([False, True, False, True]), count=9).tolist() == [1, 3]
    assert worst_first(np.array([0.1, 3, 0.9, 2]), np.array([True] * 4), count=2).tolist() == [1, 3]
    # nothing is wrong: the least good ones
    assert worst_first(np.array([0.1, 0.3, 0.2]), np.array([False] * 3), count=2).tolist() == [1, 2]
    assert worst_first(np.array([np.nan, 0.0, 0.5]), np.array([False, False, True]), count=3).tolist() == [2]


def test_losses_and_probabilities_of_labels() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.05, 0.9, 0.05]])).astype(np.float32)
    found = get_task("image-classification").judge({"logits": logits}, np.array([0, 0, 2]))
    assert found.decided.tolist() == [0, 2, 1]
    assert found.value == pytest.approx([0.7, 0.6, 0.9])
    assert found.badness == pytest.approx(-np.log([0.7, 0.1, 0.05]))
    assert found.wrong.tolist() == [False, True, True]


def test_the_iou_of_masks_is_the_metric_of_one_sample() -> None:
    rng = np.random.default_rng(0)
    task = get_task("semantic-segmentation")
    logits = rng.normal(size=(5, 3, 6, 7)).astype(np.float32)
    masks = rng.integers(0, 3, (5, 6, 7)).astype(np.uint8)
    masks[rng.random(masks.shape) < 0.2] = IGNORED
    masks[4] = IGNORED
    found = task.judge({"logits": logits}, masks)
    alone = [task.metrics({"logits": logits[[row]]}, masks[[row]])["iou_mean"] for row in range(4)]
    assert found.value[:4] == pytest.approx(alone)
    assert np.isnan(found.value[4])
    assert found.wrong.tolist() == [True] * 4 + [False]


def test_all_batches_are_searched() -> None:
    logits = np.array([[4, 0], [0, 1], [0, 3], [4, 0], [0, 2]], np.float32)
    samples = numbered(np.zeros(5, np.int64), 2)
    found_all = survey(predictor_of("image-classification", logits), samples)
    assert found_all.worst().tolist() == [2, 4, 1]
    assert found_all.decided == [(0,), (1,), (1,), (0,), (1,)]
    assert found_all.tally.metrics()["accuracy"] == pytest.approx(0.4)
    found, _ = judge_all(predictor_of("image-classification", logits), samples)
    assert found.decided.tolist() == [0, 1, 1, 0, 1]
