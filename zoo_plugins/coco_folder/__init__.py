"""Your own pictures with boxes: annotations.json as COCO has it, or text files as YOLO has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit


def coco_folder(
    root: Path,
    *,
    split: str,
    download: bool,
    color: Annotated[Literal["RGB", "L"] | None, "RGB or grey (L), whatever the files are; none: RGB"] = None,
    names: Annotated[tuple[str, ...], "the classes in their order, where no file names them"] = (),
) -> FileSplit | None:
    """The pictures of a split with their boxes; None when the folder has no such split.

    `color` (default RGB) is carried out by the core. `names` are those of the classes, where text files number them.
    """
    from .folders import read_split

    return read_split(root, split, names=names)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="coco-folder",
        load=coco_folder,
        task="detection",
        summary="your own pictures with boxes, as COCO or YOLO have them: -d root=DIR",
        inputs={"image": TensorSpec("N", 3, 256, 256)},
        preprocess=Preprocess(resize=(256, 256), mean=(0.5,), std=(0.25,)),
        splits=("train", "validation", "test"),
        augment=("color",),
    )
