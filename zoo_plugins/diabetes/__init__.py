"""The diabetes data of Efron, Hastie, Johnstone and Tibshirani (2004), as scikit-learn ships them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

EVERY = 5
"""Every fifth patient is for the test: the rows are in no order."""


def diabetes(root: Path, *, split: str, download: bool) -> ArraySplit:
    """Ten measurements of each of 442 patients as they were taken, and how far the disease was a year later."""
    import numpy as np
    from sklearn.datasets import load_diabetes

    from zoo_core.data import ArraySplit

    values, targets = load_diabetes(return_X_y=True, scaled=False)
    chosen = (np.arange(len(values)) % EVERY == 0) == (split == "test")
    return ArraySplit(inputs=values[chosen].astype(np.float32), targets=targets[chosen].astype(np.float32))


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="diabetes",
        load=diabetes,
        task="regression",
        summary="442 patients: how far diabetes is after a year, from ten measurements",
        inputs={"measurements": TensorSpec("N", 10)},
        classes=("progression",),
        splits=("train", "test"),
        needs=("scikit-learn",),
        source="https://doi.org/10.1214/009053604000000067",
        license="BSD-3-Clause",
    )
