"""scikit-learn's breast cancer data as a CSV: beside logistic regression and the most frequent answer."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from task_training import trained

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Of the logistic regression, the inverse of its penalty: the best on the validation part is taken."""


def rows() -> Iterator[dict[str, Any]]:
    """A fifth for the test and a tenth for validation, the same for the model and the baseline."""
    data = load_breast_cancer()
    names = data.target_names[data.target]
    rest, test = train_test_split(np.arange(len(names)), test_size=0.2, stratify=names, random_state=0)
    train, validation = train_test_split(rest, test_size=1 / 8, stratify=names[rest], random_state=0)
    frequent = max(set(names), key=list(names[train]).count)
    found = logistic_regression(data.data, names, train, validation, test)
    constant = float(np.mean(names[test] == frequent))
    baseline = {"name": f"logistic regression (the most frequent class {constant:.4g})", "score": found}
    with tempfile.TemporaryDirectory() as folder:
        for split, chosen in (("train", train), ("validation", validation), ("test", test)):
            with Path(folder, f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow([*data.feature_names, "label"])
                table.writerows([*data.data[row].tolist(), names[row]] for row in chosen)
        row = trained(
            "table-classification",
            "tablemlp",
            "table-file",
            metric="accuracy",
            baseline=baseline,
            root=folder,
        )
    yield {**row, "dataset": "table-file (breast cancer)"}


def logistic_regression(values: Any, names: Any, train: Any, validation: Any, test: Any) -> float:
    """Its accuracy on the test part, with train and validation to learn from."""

    def fitted(strength: float, rows: Any) -> Any:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000))
        return model.fit(values[rows], names[rows])

    chosen = max(STRENGTHS, key=lambda each: fitted(each, train).score(values[validation], names[validation]))
    return float(fitted(chosen, np.concatenate([train, validation])).score(values[test], names[test]))
