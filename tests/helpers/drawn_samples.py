"""Samples that are numbered, and a predictor that answers with given outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_core.data import Samples
from zoo_core.tasks import get_task
from zoo_core.workflows.answers.predictor import Predictor


def predictor_of(task: str, outputs: np.ndarray) -> Predictor:
    """A predictor that answers with these outputs, two samples at a time."""

    def batches(samples: Samples) -> Any:
        # the inputs of these samples are their numbers
        for start in range(0, len(samples), 2):
            rows = slice(start, min(start + 2, len(samples)))
            yield rows, {"logits": outputs[samples.main[rows, 0, 0].astype(int)]}

    return Predictor(
        shown="predictor",
        task=get_task(task),
        labels=(),
        preprocess=None,
        recipes={},
        inputs={},
        dataset=None,
        options={},
        batches=batches,
    )


def numbered(targets: np.ndarray, classes: int) -> Samples:
    inputs = np.repeat(np.arange(len(targets), dtype=np.float32)[:, None, None], 5, axis=2)
    names = tuple(f"class {index}" for index in range(classes))
    return Samples(
        inputs={"values": inputs},
        targets=targets,
        form="masks" if targets.ndim > 1 else "classes",
        classes=names,
        fingerprint="",
    )
