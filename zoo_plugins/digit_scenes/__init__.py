"""Scenes of real handwritten digits on noise, and where each digit is: made, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import DatasetSpec, Preprocess, TensorSpec, UsageError, hookimpl

from .side import SIDE

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

LIMITS = {"count": (8, 100_000), "most": (1, 12), "seed": (0, 2**64 - 1)}


def digit_scenes(
    root: Path,
    *,
    split: str,
    download: bool,
    count: Annotated[int, "scenes to train on; an eighth as many for validation and for the test"] = 1200,
    most: Annotated[int, "digits in a scene, at most"] = 6,
    seed: Annotated[int, "another one gives other data"] = 0,
    color: Annotated[Literal["RGB", "L"] | None, "RGB or grey (L), whatever the files are; none: grey"] = None,
) -> ArraySplit:
    """`count` scenes (N, 128, 128) to train on, an eighth of them for validation and for the test, and boxes.

    Each has none to `most` digits of the same split of the dataset digits, 14 to 40 pixels a side, on grey noise; they
    hardly overlap. The first scenes are the same for every `count`. `color` (default grey) is carried out by the core.
    """
    from .scenes import make_scenes

    for name, value in (("count", count), ("most", most), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise UsageError(f"dataset digit-scenes: {name} is {low} to {high:,}, not {value:,}", hint=f"-d {name}=8")
    return make_scenes(split, count=count if split == "train" else count // 8, most=most, seed=seed)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="digit-scenes",
        load=digit_scenes,
        task="detection",
        summary="generated: real handwritten digits on noise, with their boxes",
        inputs={"image": TensorSpec("N", 1, SIDE, SIDE)},
        classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        preprocess=Preprocess(color="L", mean=(0.325,), std=(0.13,)),
        splits=("train", "validation", "test"),
        license="CC-BY-4.0",
        source="https://doi.org/10.24432/C50P49",
        augment=("color",),
    )
