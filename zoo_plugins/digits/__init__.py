"""The UCI optical digits: 1,797 real handwritten digits of 8 by 8 pixels, shipped with the package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

SIZES = {"train": 1257, "validation": 180, "test": 360}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def to_bytes(images: Any) -> Any:
    """The stored values, 0 to 16, as 8-bit grey, 0 to 255, rounded to nearest; uint8."""
    return ((images.astype("uint16") * 255 + 8) // 16).astype("uint8")


def digits(root: Path, *, split: str, download: bool) -> ArraySplit:
    """1,257 train, 180 validation and 360 test digits, (N, 8, 8), each class with its share in each split."""
    from zoo_core.data import ArraySplit, read_idx

    data = files(__package__) / "data"
    images = read_idx(data.joinpath("images-idx3-ubyte.gz").read_bytes(), name="digits images")
    labels = read_idx(data.joinpath("labels-idx1-ubyte.gz").read_bytes(), name="digits labels")
    start = {"train": 0, "validation": 1257, "test": 1437}[split]
    part = slice(start, start + SIZES[split])
    return ArraySplit(inputs=to_bytes(images[part]), targets=labels[part])


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    samples = files(__package__) / "samples"
    yield DatasetSpec(
        name="digits",
        load=digits,
        task="image-classification",
        summary="1,797 real handwritten digits, shipped with the zoo",
        inputs={"image": TensorSpec("N", 1, 28, 28)},
        classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        preprocess=Preprocess(resize=(28, 28), interpolation="bicubic", color="L", mean=(0.3087,), std=(0.3486,)),
        splits=("train", "validation", "test"),
        license="CC-BY-4.0",
        source="https://doi.org/10.24432/C50P49",
        samples=tuple(sorted(str(sample) for sample in samples.iterdir() if sample.name.endswith(".png"))),
    )
