"""Your own pictures with masks: a folder of each, with the same names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit


def mask_folder(
    root: Path,
    *,
    split: str,
    download: bool,
    color: Annotated[Literal["RGB", "L"] | None, "RGB or grey (L), whatever the files are; none: grey"] = None,
    tiles: Annotated[int | None, "side of pieces that pictures are cut into; none: they are resized"] = None,
    names: Annotated[tuple[str, ...], "what the classes 0, 1, ... are called; none: their numbers"] = (),
) -> FileSplit | None:
    """The pictures and masks of a split; None when the folder has no such split.

    `color` (default grey) and `tiles` (the side of the pieces that pictures are cut into, instead of resizing) are
    carried out by the core. `names` are those of the classes.
    """
    from .folders import read_split

    return read_split(root, split, names=names)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="mask-folder",
        load=mask_folder,
        task="semantic-segmentation",
        summary="your own pictures with masks, in images/ and masks/: -d root=DIR",
        inputs={"image": TensorSpec("N", 1, 128, 128)},
        preprocess=Preprocess(resize=(128, 128), color="L", mean=(0.5,), std=(0.25,)),
        splits=("train", "validation", "test"),
        augment=("flip",),
    )
