"""Debian's fortunes by their category: beside a bag of words. examples/zoo-sentences and the package are installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from task_training import trained
from zoo_sentences import SPLITS, fortunes

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Of the logistic regression, the inverse of its penalty: the best on the validation part is taken."""
PATTERNS = {"words": r"(?u)\b\w\w+\b", "words and marks": r"\w+|[^\w\s]+"}
"""scikit-learn's own, and what the zoo's recipe of texts takes for words."""
MORE = ("length=256", "most=10000")
"""The baseline sees every word of a text, too."""


def rows() -> Iterator[dict[str, Any]]:
    """The bundled model of texts, and the one of the example, which sees the form of a text, too."""
    parts = {split: fortunes(Path("fortunes"), split=split, download=False) for split in SPLITS}
    texts = {split: list(part.inputs["text"]) for split, part in parts.items()}
    truth = {split: np.asarray(part.targets) for split, part in parts.items()}
    found = {name: bag_of_words(texts, truth, pattern) for name, pattern in PATTERNS.items()}
    name = max(found, key=found.__getitem__)
    frequent = np.bincount(truth["train"]).argmax()
    others = [f"{each} {score:.4g}" for each, score in found.items() if each != name]
    others.append(f"the most frequent category {np.mean(truth['test'] == frequent):.4g}")
    baseline = {"name": f"logistic regression on TF-IDF of {name} ({', '.join(others)})", "score": found[name]}
    for model, dataset, data in (("textcnn", "fortunes", MORE), ("wordbag", "fortunes-form", ())):
        yield trained("text-classification", model, dataset, metric="accuracy", baseline=baseline, data=data)


def bag_of_words(texts: dict[str, Sequence[str]], truth: dict[str, Any], pattern: str) -> float:
    """Its accuracy on the test part, with train and validation to learn from."""

    def fitted(strength: float, *splits: str) -> Any:
        model = make_pipeline(
            TfidfVectorizer(token_pattern=pattern, sublinear_tf=True), LogisticRegression(C=strength, max_iter=1000)
        )
        every = [text for split in splits for text in texts[split]]
        return model.fit(every, np.concatenate([truth[split] for split in splits]))

    chosen = max(STRENGTHS, key=lambda each: fitted(each, "train").score(texts["validation"], truth["validation"]))
    return float(fitted(chosen, "train", "validation").score(texts["test"], truth["test"]))
