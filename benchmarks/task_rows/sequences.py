"""Electrocardiograms: beside linear models on the raw values. examples/zoo-ecg is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.linear_model import LogisticRegression, RidgeCV
from task_training import trained

from zoo_core import open_zoo
from zoo_core.data import bind_dataset


def rows() -> Iterator[dict[str, Any]]:
    """The rhythm of a recording, and its beats a minute."""
    for task, name, model, metric, baseline in (
        ("sequence-classification", "ecg-rhythms", "cnn1d", "accuracy", LogisticRegression(max_iter=300)),
        ("sequence-regression", "ecg-rates", "cnn1d-regression", "r2", RidgeCV()),
    ):
        bound = bind_dataset(open_zoo().dataset(name), {})
        train, test = (bound.load(split) for split in ("train", "test"))
        baseline.fit(train.main[:, 0], train.targets.ravel())
        score = float(baseline.score(test.main[:, 0], test.targets.ravel()))
        yield trained(
            task, model, name, metric=metric, baseline={"name": "a linear model on the values", "score": score}
        )
