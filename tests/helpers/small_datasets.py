"""A small dataset of random pictures, for tests that need one of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core import DatasetSpec, Preprocess, TensorSpec
from zoo_core.data import ArraySplit, BoundDataset, bind_dataset
from zoo_core.registry import Dataset

NAMES = ("ant", "bee", "cow", "dog")


def pictures(count: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 5), dtype=np.uint8)


def counted(*counts: int) -> np.ndarray:
    """Targets with so many of each class, mixed."""
    targets = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(9).permutation(targets)


def animals(root: Path, *, split: str, download: bool, shade: int = 0) -> ArraySplit:
    """200 train and 40 test pictures."""
    counts = (100, 60, 30, 10) if split == "train" else (10, 10, 10, 10)
    return ArraySplit(inputs=pictures(sum(counts)) | np.uint8(shade), targets=counted(*counts))


def bound(load: Callable[..., Any] = animals, given: dict[str, Any] | None = None, **changes: Any) -> BoundDataset:
    fields: dict[str, Any] = {
        "name": "animals",
        "task": "image-classification",
        "summary": "some animals",
        "inputs": {"image": TensorSpec("N", 1, 6, 5)},
        "classes": NAMES,
        "preprocess": Preprocess(color="L", resize=(6, 5)),
        **changes,
    }
    return bind_dataset(Dataset(spec=DatasetSpec(load=load, **fields), plugin="test:animals"), given or {})
