"""What logits decide, and by how much: one class for each sample, or for each of its places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.tasks import finite_output, output_of


@dataclass(frozen=True, kw_only=True)
class ClassDecisions:
    """One of the classes along axis 1, for each sample or each of its places; a single logit decides by its sign.

    Decides by the only output, or by the one called "logits" or "out" where there are several. `task` is what messages
    call it. `places`: axes of places that each sample has, 0 for whole samples. `one_logit`: one logit may tell two
    classes apart.
    """

    task: str
    places: int = 0
    one_logit: bool = False

    def output(self, outputs: Mapping[str, Any]) -> str:
        """The name of the output that decides. Raises ZooError when it cannot be told."""
        return output_of(outputs, "logits", "out", task=self.task)

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
        if not self.places and self.one_logit and logits.ndim == 1 and logits.size:
            return logits
        fits = logits.ndim >= 2 if self.places else logits.ndim == 2
        if not fits or logits.size == 0 or (logits.shape[1] < 2 and not self.one_logit):
            raise ZooError(f"{self.task} needs {name} of shape {self._wanted}, not {logits.shape}")
        return logits

    def finite_logits(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """As `logits`; raises ZooError also where one of them is not finite."""
        return finite_output(self.logits(outputs))

    def _columns(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        logits = self.logits(outputs)
        return logits[:, np.newaxis] if logits.ndim == 1 else logits

    @property
    def _wanted(self) -> str:
        if self.places:
            return "(samples, classes, ...)"
        return "(samples,) or (samples, classes)" if self.one_logit else "(samples, 2 classes or more)"
