"""Samples that are not as their dataset declares them, or hold what is no number, are told of with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_core import DatasetSpec, Recipe, TensorSpec, ZooError
from zoo_core.data import ArraySplit, FileSplit, bind_dataset
from zoo_core.registry import Dataset


def bound(load: Any, *axes: int | str, recipes: Any = None) -> Any:
    """A dataset of two classes that is bound without options."""
    spec = DatasetSpec(
        name="made",
        load=load,
        task="image-classification",
        summary="made up",
        inputs={"values": TensorSpec("N", *axes)},
        classes=("a", "b"),
        recipes=recipes or {},
    )
    return bind_dataset(Dataset(spec=spec, plugin="zoo-made:made"), {"root": "."})


def rows(bad: int | None) -> Any:
    """A loader of 40 rows, of which one has no number."""

    def load(root: Path, *, split: str, download: bool, length: int = 3) -> ArraySplit:
        values = np.ones((40, 3), np.float32)
        if bad is not None:
            values[bad, 1] = np.nan
        return ArraySplit(inputs=values, targets=np.arange(40) % 2)

    return load


def test_the_sample_that_is_no_number_is_told() -> None:
    found = bound(rows(21), 3)
    with pytest.raises(ZooError, match=r"dataset made, split test: sample 21 has NaN or infinity"):
        found.load("test")


def test_the_file_that_is_no_number_is_told(tmp_path: Path) -> None:
    for number in range(40):
        values = np.full(3, np.inf if number == 7 else 1, np.float32)
        np.save(tmp_path / f"{number:02}.npy", values)

    def load(root: Path, *, split: str, download: bool) -> FileSplit:
        return FileSplit(paths=sorted(tmp_path.glob("*.npy")), targets=np.arange(40) % 2)

    found = bound(load, 3, recipes={"values": Recipe("array", length=3)})
    with pytest.raises(ZooError, match=r"07\.npy"):
        found.load("test")


def test_an_axis_that_nothing_gives_a_size_is_told() -> None:
    with pytest.raises(
        ZooError, match="the axis 'lenght' of 'values' is no option of the dataset, and has no"
    ) as caught:
        bound(rows(None), "lenght").load("test")
    assert caught.value.hint == "Did you mean 'length'?"
    assert bound(rows(None), "length").load("test").main.shape == (40, 3)
