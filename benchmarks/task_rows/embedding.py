"""Digits by their nearest neighbours: beside those of the raw pixels, and of a linear map that tells classes apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from task_training import trained

from zoo_core import open_zoo
from zoo_core.data import bind_dataset
from zoo_core.tasks import get_task


def rows() -> Iterator[dict[str, Any]]:
    """Against the better of the two on the same test part."""
    bound, task = bind_dataset(open_zoo().dataset("digits"), {}), get_task("embedding")
    train, test = bound.load("train"), bound.load("test")
    raw, seen = (part.batch(slice(None)).reshape(len(part), -1) for part in (test, train))
    linear = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(seen, train.targets)
    scores = {
        name: task.metrics({"embedding": vectors}, test.targets)["recall@1"]
        for name, vectors in (("raw pixels", raw), ("linear discriminants", linear.transform(raw)))
    }
    name = max(scores, key=scores.__getitem__)
    other = ", ".join(f"{each} {score:.4g}" for each, score in scores.items() if each != name)
    baseline = {"name": f"{name} ({other})", "score": scores[name]}
    yield trained("embedding", "embednet", "digits", metric="recall@1", baseline=baseline)
