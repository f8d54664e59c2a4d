"""Scenes of shapes: beside a logistic regression on the raw pixels for each class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from task_training import trained

from zoo_core import open_zoo
from zoo_core.data import bind_dataset


def rows() -> Iterator[dict[str, Any]]:
    """Mean average precision."""
    bound = bind_dataset(open_zoo().dataset("shape-scenes"), {})
    train, test = (bound.load(split) for split in ("train", "test"))
    pixels, seen = (part.main.reshape(len(part), -1) / 255 for part in (train, test))
    scores = []
    for column in range(train.targets.shape[1]):
        model = LogisticRegression(max_iter=200, C=0.01).fit(pixels, train.targets[:, column])
        scores.append(average_precision_score(test.targets[:, column], model.decision_function(seen)))
    baseline = {"name": "logistic regression on the pixels", "score": float(np.mean(scores))}
    yield trained("multilabel-classification", "tagnet", "shape-scenes", metric="map", baseline=baseline)
