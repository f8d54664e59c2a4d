"""The Oxford-IIIT Pet dataset (Parkhi et al., 2012): 7,349 pictures of cats and dogs, as masks and as 37 breeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import FileSplit

MIRRORS = ("https://thor.robots.ox.ac.uk/datasets/pets/", "https://www.robots.ox.ac.uk/~vgg/data/pets/data/")
FILES = {
    "images.tar.gz": ("67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d", 791_918_971),
    "annotations.tar.gz": ("52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91", 19_173_078),
}
"""sha256 and size of each file, as TensorFlow Datasets publishes them."""

BREEDS = (
    *("abyssinian", "american-bulldog", "american-pit-bull-terrier", "basset-hound", "beagle", "bengal", "birman"),
    *("bombay", "boxer", "british-shorthair", "chihuahua", "egyptian-mau", "english-cocker-spaniel", "english-setter"),
    *("german-shorthaired", "great-pyrenees", "havanese", "japanese-chin", "keeshond", "leonberger", "maine-coon"),
    *("miniature-pinscher", "newfoundland", "persian", "pomeranian", "pug", "ragdoll", "russian-blue"),
    *("saint-bernard", "samoyed", "scottish-terrier", "shiba-inu", "siamese", "sphynx"),
    *("staffordshire-bull-terrier", "wheaten-terrier", "yorkshire-terrier"),
)
"""In the order of the class numbers in the annotations, which count from 1."""


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
