"""Spoken words: beside linear models on their log-mel spectrograms. examples/zoo-keywords, espeak-ng are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task_training import trained

from zoo_core import open_zoo
from zoo_core.data import bind_dataset

DATASET = "spoken-words"


def rows() -> Iterator[dict[str, Any]]:
    """The zoo's own model and that of the example, against the best of the linear models on the same test part."""
    baseline = linear()
    for model in ("melnet", "tcresnet"):
        yield trained("audio-classification", model, DATASET, metric="accuracy", baseline=baseline)


def linear() -> dict[str, Any]:
    """The best of logistic regressions on what is left of each band, and on the whole spectrogram."""
    bound = bind_dataset(open_zoo().dataset(DATASET), {})
    train, test = (bound.load(split) for split in ("train", "test"))
    sounds, heard = (part.arrays(slice(None))["spectrogram"][:, 0] for part in (train, test))
    ways = {
        "the mean of each band": lambda bands: bands.mean(2),
        "mean and deviation of each band": lambda bands: np.concatenate([bands.mean(2), bands.std(2)], axis=1),
        "the whole spectrogram": lambda bands: bands.reshape(len(bands), -1),
    }
    scores = {}
    for name, taken in ways.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        scores[name] = float(model.fit(taken(sounds), train.targets).score(taken(heard), test.targets))
    name = max(scores, key=scores.__getitem__)
    others = ", ".join(f"{each} {score:.4g}" for each, score in scores.items() if each != name)
    return {"name": f"logistic regression on {name} ({others})", "score": scores[name]}
