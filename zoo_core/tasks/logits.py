"""Logits as every task of classes reads them: in float64, one column for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError

Array = NDArray[Any]


def class_columns(logits: Array) -> NDArray[np.float64]:
    """In float64, shape (N, K, ...). One logit z becomes two columns, 0 and z: their softmax is its sigmoid."""
    columns = logits.astype(np.float64)
    if columns.ndim == 1:
        columns = columns[:, np.newaxis]
    return columns if columns.shape[1] > 1 else np.concatenate([np.zeros_like(columns), columns], axis=1)


def class_count(logits: Array) -> int:
    """How many classes these logits tell apart: one logit tells two."""
    return 2 if logits.ndim == 1 else max(2, logits.shape[1])


def log_softmax(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithms of the probabilities along axis 1."""
    shifted = columns - columns.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def check_labels(labels: Sequence[str], classes: int) -> None:
    """Raises ZooError unless there are as many different labels as classes."""
    if not labels:
        raise ZooError(
            f"the file names none of the {classes} classes that the model tells apart, as one without a dataset",
            hint="export a run; or in Python, run_rows(...) gives the outputs as they are",
        )
    if len(labels) != classes or len(set(labels)) != len(labels):
        raise ZooError(
            f"the model tells {classes} classes apart, but there are {len(set(labels))} different labels",
            hint="the labels do not belong to this model",
        )
