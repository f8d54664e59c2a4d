"""What a plugin's loader gives wrongly is told with the plugin, the dataset and the line at which the loader begins."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_distribution
from height_plugin import ALONE, TRAIN, changed

from zoo_core import DatasetSpec, Preprocess, TensorSpec, ZooError
from zoo_core.data import ArraySplit, FileSplit, StreamSplit, bind_dataset
from zoo_core.registry import Dataset

PICTURES, NUMBERS = np.zeros((4, 6, 6), np.uint8), np.arange(4) % 2


def loading(answer: Callable[[], Any], *, plugin: str = "zoo-made:made") -> tuple[ZooError, int]:
    """What is told of a loader that answers so, and the line at which it begins."""

    def load(root: Path, *, split: str, download: bool) -> Any:
        return answer()

    spec = DatasetSpec(
        name="made",
        load=functools.partial(load),
        task="image-classification",
        summary="made up",
        inputs={"image": TensorSpec("N", 1, 6, 6)},
        classes=("a", "b"),
        preprocess=Preprocess(color="L"),
    )
    with pytest.raises(ZooError) as caught:
        bind_dataset(Dataset(spec=spec, plugin=plugin), {"root": "."}).load("test")
    return caught.value, load.__code__.co_firstlineno


def split_of(**changes: Any) -> Any:
    return ArraySplit(**{"inputs": PICTURES, "targets": NUMBERS, **changes})


def stream_of(**changes: Any) -> Any:
    return StreamSplit(**{"reader": lambda: PICTURES.__getitem__, "targets": NUMBERS, **changes})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((PICTURES, NUMBERS), "the loader returned tuple, not an ArraySplit"),
        (split_of(inputs=None), "input 'image' is a numpy array (samples, ...), not NoneType"),
        (split_of(inputs=PICTURES / 255), "pictures are uint8 (N, H, W[, C]), not float64"),
        (split_of(inputs=np.zeros((4, 1, 6, 6), np.uint8)), "pictures in memory have 1 or 3 channels, not 6"),
        (split_of(inputs=np.zeros((4, 5, 6), np.uint8)), "the samples have the shape (N, 1, 5, 6), but the dataset"),
        (split_of(targets=NUMBERS[1:]), "4 samples need as many whole numbers as targets, not int64 of shape (3,)"),
        (split_of(targets=NUMBERS + 7), "targets from 7 to 8, but 2 classes"),
        (split_of(targets=NUMBERS / 2), "as many whole numbers as targets, not float64"),
        (split_of(targets=[[1], [1, 2], [0], [0]]), "the samples cannot be used: ValueError: setting an array"),
        (split_of(classes=2), "the samples cannot be used: TypeError: 'int' object is not iterable"),
        (split_of(names=["first"]), "4 samples, but 1 name of them"),
        (stream_of(numbers=np.arange(5)), "5 samples need as many whole numbers as targets, not int64 of shape (4,)"),
        (stream_of(numbers=np.arange(3)), "3 samples need as many whole numbers as targets, not int64 of shape (4,)"),
        (stream_of(numbers=np.arange(4) / 1), "are whole ones, of shape (N,), not float64 of shape (4,)"),
        (stream_of(numbers=np.arange(4).reshape(2, 2)), "are whole ones, of shape (N,), not int64 of shape (2, 2)"),
        (stream_of(numbers=np.arange(4) > 1), "are whole ones, of shape (N,), not bool of shape (4,)"),
        (FileSplit(paths=(Path("a.png"),) * 3, targets=NUMBERS), "3 samples need as many whole numbers as targets"),
        (FileSplit(paths=("a.png",) * 4, targets=NUMBERS), "a path is a pathlib.Path, not a str: 'a.png'"),
    ],
)
def test_the_loader_of_a_plugin_is_told_with_its_line(answer: Any, words: str) -> None:
    told, line = loading(lambda: answer)
    assert told.message.startswith("dataset made, split ")
    assert words in told.message
    assert told.message.endswith(f", given by plugin zoo-made:made, test_loader_faults.py:{line}")
    assert "plugin zoo-made:made must fix it" in str(told.hint)


def test_files_that_others_have_made_are_no_fault_of_the_zoos_own_loaders() -> None:
    told, _ = loading(lambda: split_of(targets=NUMBERS + 7), plugin="zoo-core:made")
    assert told.message.endswith("targets from 7 to 8, but 2 classes")
    assert told.hint == "its files are damaged, or those of another dataset"


def test_a_loader_that_leaves_in_any_way_is_told() -> None:
    class Leaves(BaseException):
        """Nobody expects it."""

    def leave() -> None:
        raise Leaves("for good")

    told, _ = loading(leave)
    assert told.message == "dataset made (plugin zoo-made:made) could not be loaded: Leaves: for good"


def test_a_training_tells_the_line_of_the_loader(run_zoo: Any, site: Path) -> None:
    write_distribution(
        site, "zoo-height", files=changed(ALONE, ("__init__.py", "targets=targets)", "targets=targets[1:])"))
    )
    told = run_zoo(*TRAIN)
    assert told.code == 1, told.stderr
    assert "dataset heights, split train: 60 samples need as many numbers, of shape (N,) or (N, K), not" in told.stderr
    assert ", given by plugin zoo-height:zoo-height, zoo_height/__init__.py:" in told.stderr
