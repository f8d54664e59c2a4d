"""Image classification: one of several classes for each picture, from logits (N, K)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError


@dataclass(frozen=True)
class ImageClassification:
    """One of K classes for each sample; equal logits decide for the class that comes first."""

    name: ClassVar[str] = "image-classification"
    selection: ClassVar[str] = "accuracy"

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[np.int64]) -> dict[str, float]:
        """`loss` (mean cross entropy), `accuracy`, and `top5` where there are more than five classes."""
        logits = _logits(outputs)
        _check_targets(logits, targets)
        own = np.take_along_axis(logits, targets[:, np.newaxis], axis=1)
        # Rank of the true class: those above it, and of its equals those that come first.
        earlier = np.arange(logits.shape[1]) < targets[:, np.newaxis]
        rank = ((logits > own) | ((logits == own) & earlier)).sum(axis=1)
        found = {"loss": float(-_log_softmax(logits)[np.arange(len(targets)), targets].mean())}
        found["accuracy"] = float((rank == 0).mean())
        if logits.shape[1] > 5:
            found["top5"] = float((rank < 5).mean())
        return found

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """`{label, probability, probabilities: {label: p}}` for each sample, the most probable first."""
        logits = _logits(outputs)
        if len(labels) != logits.shape[1] or len(set(labels)) != len(labels):
            raise ZooError(
                f"the model tells {logits.shape[1]} classes apart, but there are {len(set(labels))} different labels",
                hint="the labels do not belong to this model",
            )
        probabilities = np.exp(_log_softmax(logits))
        return [_answer(row, labels) for row in probabilities]


def _answer(probabilities: NDArray[np.float64], labels: Sequence[str]) -> dict[str, Any]:
    order = np.argsort(-probabilities, kind="stable")
    ranked = {labels[index]: float(probabilities[index]) for index in order}
    label = labels[order[0]]
    return {"label": label, "probability": ranked[label], "probabilities": ranked}


def _logits(outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The logits in float64, shape (N, K); among several outputs, the one called "logits"."""
    if len(outputs) != 1 and "logits" not in outputs:
        names = ", ".join(outputs) or "none"
        raise ZooError(f"image-classification needs one output, or one called 'logits'; the outputs are: {names}")
    logits = np.asarray(outputs["logits"] if "logits" in outputs else next(iter(outputs.values())))
    if logits.ndim != 2 or logits.shape[1] < 2 or logits.shape[0] < 1:
        raise ZooError(f"image-classification needs logits of shape (samples, 2 classes or more), not {logits.shape}")
    if bad := int((~np.isfinite(logits).all(axis=1)).sum()):
        raise ZooError(
            f"the model's output is not a finite number for {bad} of {len(logits)} samples",
            hint="in training: a smaller learning rate; otherwise check the weights and the inputs",
        )
    return logits.astype(np.float64)


def _check_targets(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> None:
    if targets.shape != logits.shape[:1]:
        raise ZooError(f"{len(logits)} outputs, but targets of shape {targets.shape}")
    if targets.min() < 0 or targets.max() >= logits.shape[1]:
        raise ZooError(
            f"targets from {targets.min()} to {targets.max()}, but the model tells {logits.shape[1]} classes apart"
        )


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
