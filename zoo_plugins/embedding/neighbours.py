"""Who is nearest to whom, by the cosine: in float64, and a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

TEMPERATURE = 0.1
"""What similarities are divided by in the contrastive loss (Khosla et al., 2020)."""

_ROWS = 512

Vectors = NDArray[np.float64]
Classes = NDArray[np.int64]


def unit_vectors(vectors: NDArray[np.float32]) -> Vectors:
    """Vectors (N, D) of length 1, in float64; those of length 0 stay."""
    values = vectors.astype(np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, length, out=np.zeros_like(values), where=length > 0))


def ranks(vectors: Vectors, classes: Classes) -> NDArray[np.int64]:
    """For each sample that is not alone in its class, how many of other classes are nearer than its nearest own."""
    found = []
    for similar, own, alone in _rows(vectors, classes):
        nearest = np.where(own, similar, -np.inf).max(axis=1, keepdims=True)
        others = np.where(own, -np.inf, similar)  # the sample itself is at -inf already
        found.append((others >= nearest).sum(axis=1)[~alone])
    return np.concatenate(found)


def contrast(vectors: Vectors, classes: Classes) -> float:
    """The supervised contrastive loss: the mean, over samples that are not alone in their class, of how improbable
    those of the own class are among all others."""
    losses = []
    for similar, own, alone in _rows(vectors, classes):
        values = similar / TEMPERATURE
        most = values.max(axis=1, keepdims=True)
        total = most + np.log(np.exp(values - most).sum(axis=1, keepdims=True))
        each = np.where(own, total - values, 0.0).sum(axis=1)[~alone] / own.sum(axis=1)[~alone]
        losses.append(each)
    return float(np.concatenate(losses).mean())


def _rows(
    vectors: Vectors, classes: Classes
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]]:
    """For some samples at a time: similarities to all, -inf to itself; who is of the own class; who is alone in it."""
    for start in range(0, len(vectors), _ROWS):
        part = np.arange(start, min(start + _ROWS, len(vectors)))
        similar = vectors[part] @ vectors.T
        similar[np.arange(len(part)), part] = -np.inf
        own = classes[part][:, np.newaxis] == classes
        own[np.arange(len(part)), part] = False
        yield similar, own, ~own.any(axis=1)
