"""Made-up logits for class numbers or masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import IGNORED
from zoo_core.tasks import Example

LABELS = ("a", "b", "c")
SURE = 4.0
"""The logit of a class that is meant."""


def example_of_classes(targets: NDArray[Any], *, one_logit: bool, random: np.random.Generator) -> Example:
    """Logits that are right for class numbers (N,) or masks (N, ...), and the same with noise."""
    counted = np.where(targets == IGNORED, 0, targets)
    if one_logit:
        right = SURE * (2 * counted[:, np.newaxis] - 1)
        labels: tuple[str, ...] = LABELS[:2]
    else:
        right = SURE * np.moveaxis(np.eye(len(LABELS))[counted], -1, 1)
        labels = LABELS
    outputs = right + random.normal(0, SURE, right.shape)
    return Example(
        outputs={"logits": outputs.astype(np.float32)},
        right={"logits": right.astype(np.float32)},
        targets=targets,
        labels=labels,
    )
