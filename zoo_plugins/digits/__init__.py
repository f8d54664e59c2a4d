"""The UCI optical digits: 1,797 real handwritten digits of 8 by 8 pixels, shipped with the package.

As classes, and as pictures to restore: with noise, or at half their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl
from zoo_core import UsageError as UsageError

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

SIZES = {"train": 1257, "validation": 180, "test": 360}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def to_bytes(images: Any) -> Any:
    """The stored values, 0 to 16, as 8-bit grey, 0 to 255, rounded to nearest; uint8."""
    return ((images.astype("uint16") * 255 + 8) // 16).astype("uint8")


def digits(root: Path, *, split: str, download: bool) -> ArraySplit:
    """1,257 train, 180 validation and 360 test digits, (N, 8, 8), each class with its share in each split."""
    from zoo_core.data import ArraySplit

    images, labels = _stored(split)
    return ArraySplit(inputs=images, targets=labels)


def noisy_digits(
    root: Path,
    *,
    split: str,
    download: bool,
    noise: Annotated[float, "standard deviation of the noise; white is 1"] = 0.2,
    seed: Annotated[int, "another one gives other noise"] = 0,
) -> ArraySplit:
    """The digits of 28 by 28 pixels with Gaussian noise, and what they are without it; uint8 (N, 28, 28).

    `noise` is its standard deviation where black is 0 and white 1, up to 1.
    """
    from zoo_core.data import ArraySplit, with_noise

    from .restoring import enlarged

    if not 0 < noise <= 1 or not 0 <= seed < 2**64:
        raise UsageError(
            f"dataset noisy-digits: noise is above 0, up to 1, and seed 0 or more, not {noise} and {seed}",
            hint="-d noise=0.2",
        )
    clean = enlarged(_stored(split)[0])
    stream = list(SIZES).index(split)
    return ArraySplit(inputs=with_noise(clean, noise=noise, seed=seed, stream=stream), targets=clean)


def small_digits(root: Path, *, split: str, download: bool) -> ArraySplit:
    """The digits at half their size, uint8 (N, 14, 14), and as they are, (N, 28, 28)."""
    from zoo_core.data import ArraySplit

    from .restoring import enlarged, halved

    large = enlarged(_stored(split)[0])
    return ArraySplit(inputs=halved(large), targets=large)


def _stored(split: str) -> tuple[Any, Any]:
    """Pictures, uint8 (N, 8, 8), and class numbers (N,)."""
    from zoo_core.data import read_idx

    data = files(__package__) / "data"
    images = read_idx(data.joinpath("images-idx3-ubyte.gz").read_bytes(), name="digits images")
    labels = read_idx(data.joinpath("labels-idx1-ubyte.gz").read_bytes(), name="digits labels")
    start = {"train": 0, "validation": 1257, "test": 1437}[split]
    part = slice(start, start + SIZES[split])
    return to_bytes(images[part]), labels[part]


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
    for name, load, summary, side in (
        ("noisy-digits", noisy_digits, "the digits with noise, and without it: to learn denoising", 28),
        ("small-digits", small_digits, "the digits at half their size, and as they are: to learn enlarging", 14),
    ):
        yield DatasetSpec(
            name=name,
            load=load,
            task="image-to-image",
            summary=summary,
            inputs={"image": TensorSpec("N", 1, side, side)},
            classes=(),
            preprocess=Preprocess(color="L"),
            splits=("train", "validation", "test"),
            license="CC-BY-4.0",
            source="https://doi.org/10.24432/C50P49",
        )
