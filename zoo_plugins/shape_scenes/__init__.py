"""Scenes of several shapes, and which of them are there: generated, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from zoo_core import DatasetSpec, Preprocess, TensorSpec, UsageError, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

CLASSES = ("disc", "square", "triangle", "cross")
SPLITS = ("train", "validation", "test")
SIDE = 40
LIMITS = {"count": (1, 200_000), "seed": (0, 2**63 - 1)}


def shape_scenes(
    root: Path,
    *,
    split: str,
    download: bool,
    count: Annotated[int, "pictures to train on"] = 1500,
    seed: Annotated[int, "another one gives other data"] = 0,
) -> ArraySplit:
    """`count` grey pictures of 40 by 40 pixels, uint8, and flags (count, 4): which shapes are on each.

    None to four shapes of different size and brightness lie anywhere, and may cover each other, on noise.
    """
    from .scenes import make_scenes

    for name, value in (("count", count), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise UsageError(f"dataset shape-scenes: {name} is {low} to {high:,}, not {value:,}", hint=f"-d {name}=...")
    return make_scenes(count, side=SIDE, seed=(seed, SPLITS.index(split)))


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="shape-scenes",
        load=shape_scenes,
        task="multilabel-classification",
        summary="generated: discs, squares, triangles and crosses, none or several on a picture",
        inputs={"image": TensorSpec("N", 1, SIDE, SIDE)},
        classes=CLASSES,
        preprocess=Preprocess(color="L", mean=(0.3,), std=(0.25,)),
        splits=SPLITS,
        augment=("flip", "crop"),
        source="https://doi.org/10.48550/arXiv.1409.1556",
        license="CC0-1.0",
    )
