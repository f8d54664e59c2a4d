"""The Oxford-IIIT Pet dataset (Parkhi et al., 2012): 7,349 pictures of cats and dogs, as masks and as 37 breeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

from .published import BREEDS, FILES

if TYPE_CHECKING:
    from zoo_core.data import FileSplit


def oxford_pet(root: Path, *, split: str, download: bool) -> FileSplit:
    """Pictures, and masks of the pet with its border: trimap values 1 and 3 are the pet, 2 is background."""
    from .files import read_split

    return read_split(root, split=split, download=download, masks=True)


def oxford_pet_breeds(root: Path, *, split: str, download: bool) -> FileSplit:
    """Pictures and the number of the breed; the files are those of `oxford-pet`."""
    from .files import read_split

    # One copy of 0.8 GB is enough: the default folder of oxford-pet serves both.
    if root.name == "oxford-pet-breeds" and not root.exists():
        root = root.with_name("oxford-pet")
    return read_split(root, split=split, download=download, masks=False)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    shared: dict[str, Any] = {
        "inputs": {"image": TensorSpec("N", 3, 128, 128)},
        "preprocess": Preprocess(resize=(128, 128), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        "license": "CC-BY-SA-4.0",
        "source": "https://www.robots.ox.ac.uk/~vgg/data/pets/",
        "download_bytes": sum(size for _, size in FILES.values()),
        "augment": ("flip", "crop", "color"),
    }
    yield DatasetSpec(
        name="oxford-pet",
        load=oxford_pet,
        task="semantic-segmentation",
        summary="Oxford-IIIT Pet: cats and dogs with masks, fetched with --download",
        classes=("background", "pet"),
        **shared,
    )
    yield DatasetSpec(
        name="oxford-pet-breeds",
        load=oxford_pet_breeds,
        task="image-classification",
        summary="Oxford-IIIT Pet: 37 breeds of cats and dogs, fetched with --download",
        classes=BREEDS,
        **shared,
    )
