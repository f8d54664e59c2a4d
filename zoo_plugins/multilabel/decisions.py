"""What logits decide of each class, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.tasks import Outputs, finite_output, output_of


@dataclass(frozen=True, kw_only=True)
class FlagDecisions:
    """A class is there where its logit is above that of its threshold; `cuts` are these logits, (K,) or one for all."""

    task: str
    cuts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def output(self, outputs: Mapping[str, Any]) -> str:
        """The name of the output that decides. Raises ZooError when it cannot be told."""
        return output_of(outputs, "logits", task=self.task)

    def logits(self, outputs: Outputs) -> NDArray[Any]:
        """The logits (N, K), all finite. Raises ZooError otherwise."""
        name = self.output(outputs)
        logits = np.asarray(outputs[name])
        if logits.ndim != 2 or logits.size == 0:
            raise ZooError(f"{self.task} needs {name} of shape (samples, classes), not {logits.shape}")
        return finite_output(logits)

    def decisions(self, outputs: Outputs) -> NDArray[np.int64]:
        """0 or 1 for each class of each sample, (N, K)."""
        return (self.logits(outputs) > self.cuts).astype(np.int64)

    def margins(self, outputs: Outputs) -> NDArray[np.float64]:
        """How far each logit is from its threshold, twice: one logit may move by as much as two by half of it."""
        margins: NDArray[np.float64] = 2 * np.abs(self.logits(outputs).astype(np.float64) - self.cuts)
        return margins
