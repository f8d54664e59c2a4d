"""What outputs decide, and by how much: what an export must decide alike, for every task that decides something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError

_CLASS_TASKS = (
    "image-classification",
    "video-classification",
    "semantic-segmentation",
    "sequence-segmentation",
    "binary-classification",
)
_WHOLE_SAMPLES = ("image-classification", "video-classification", "binary-classification")
_SEVERAL_CLASSES = ("image-classification", "video-classification")
_DECIDING_OUTPUTS = ("logits", "out")


@dataclass(frozen=True)
class ClassDecisions:
    """One of the classes along axis 1, for each sample or each of its places; a single logit decides by its sign.

    Decides by the only output, or by the one called "logits" or "out" where there are several.
    """

    task: str

    def output(self, outputs: Mapping[str, Any]) -> str:
        """The name of the output that decides. Raises ZooError when it cannot be told."""
        if len(outputs) == 1:
            return next(iter(outputs))
        for name in _DECIDING_OUTPUTS:
            if name in outputs:
                return name
        wanted = " or ".join(map(repr, _DECIDING_OUTPUTS))
        raise ZooError(f"{self.task} needs one output, or one called {wanted}; the outputs are: {', '.join(outputs)}")

    def decisions(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """The class of each sample, shape (N,), or of each place, shape (N, ...)."""
        logits = self._columns(outputs)
        decided = (logits[:, 0] > 0) if logits.shape[1] == 1 else logits.argmax(axis=1)
        return decided.astype(np.int64)

    def margins(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Largest logit minus the second; how far a single logit is from 0, twice. The shape is that of `decisions`."""
        logits = self._columns(outputs).astype(np.float64)
        if logits.shape[1] == 1:
            # Twice, because one logit that moves by a bound is as good as two that move by half of it each.
            return 2 * np.abs(logits[:, 0])
        best = np.partition(logits, -2, axis=1)
        margins: NDArray[np.float64] = best[:, -1] - best[:, -2]
        return margins

    def logits(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The output that decides, of a shape that fits the task. Raises ZooError otherwise."""
        name = self.output(outputs)
        logits = np.asarray(outputs[name])
        if self.task == "binary-classification" and logits.ndim == 1 and logits.size:
            return logits
        whole, one = self.task in _WHOLE_SAMPLES, self.task not in _SEVERAL_CLASSES
        fits = logits.ndim == 2 if whole else logits.ndim >= 2
        if not fits or logits.size == 0 or (logits.shape[1] < 2 and not one):
            raise ZooError(f"{self.task} needs {name} of shape {_wanted(whole=whole, one=one)}, not {logits.shape}")
        return logits

    def _columns(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        logits = self.logits(outputs)
        return logits[:, np.newaxis] if logits.ndim == 1 else logits


def _wanted(*, whole: bool, one: bool) -> str:
    if not whole:
        return "(samples, classes, ...)"
    return "(samples,) or (samples, classes)" if one else "(samples, 2 classes or more)"


def decisions_of(task: str) -> ClassDecisions | None:
    """How the outputs of a task decide; None for tasks that give numbers, such as features or optical flow."""
    return ClassDecisions(task) if task in _CLASS_TASKS else None
