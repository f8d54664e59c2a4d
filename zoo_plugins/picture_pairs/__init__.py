"""Your own pictures to restore: with what they shall look like beside them, or clean ones that get noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit, FileSplit


def picture_pairs(
    root: Path,
    *,
    split: str,
    download: bool,
    color: Annotated[Literal["RGB", "L"] | None, "RGB or grey (L), whatever the files are; none: grey"] = None,
    tiles: Annotated[int | None, "side of pieces that pictures are cut into; none: they are resized"] = None,
) -> FileSplit | None:
    """The pictures of a split in inputs/, and what they shall look like in targets/; None when it has no folder.

    `color` (default grey) and `tiles` (the side of the pieces that both are cut into) are carried out by the core.
    """
    from .folders import read_split

    return read_split(root, split)


def noisy_folder(
    root: Path,
    *,
    split: str,
    download: bool,
    noise: Annotated[float, "standard deviation of the noise; white is 1"] = 0.1,
    seed: Annotated[int, "another one gives other noise"] = 0,
    tiles: Annotated[int | None, "side of pieces that pictures are cut into; none: they are resized"] = None,
) -> ArraySplit | None:
    """The pictures below a folder, grey and all of one size, with Gaussian noise, and as they are.

    `noise` is its standard deviation where black is 0 and white 1, up to 1; `tiles` as for picture-pairs.
    """
    from .folders import read_noisy

    return read_noisy(root, split, noise=noise, seed=seed)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="picture-pairs",
        load=picture_pairs,
        task="image-to-image",
        summary="your own pictures and what they shall look like, in inputs/ and targets/: -d root=DIR",
        inputs={"image": TensorSpec("N", 1, 128, 128)},
        preprocess=Preprocess(resize=(128, 128), interpolation="bicubic", color="L"),
        splits=("train", "validation", "test"),
        augment=("flip",),
        own_files=True,
    )
    yield DatasetSpec(
        name="noisy-folder",
        load=noisy_folder,
        task="image-to-image",
        summary="your own clean pictures, which get noise to be learnt: -d root=DIR",
        inputs={"image": TensorSpec("N", 1, 128, 128)},
        preprocess=Preprocess(resize=(128, 128), interpolation="bicubic", color="L"),
        splits=("train",),
        augment=("flip",),
        own_files=True,
    )
