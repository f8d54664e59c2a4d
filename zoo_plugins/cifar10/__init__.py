"""CIFAR-10 (Krizhevsky, 2009): 60,000 colour pictures of 32 by 32 pixels, from the binary archive: no pickle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
FILES = {
    "cifar-10-binary.tar.gz": ("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170_052_171),
}
"""sha256 and size, as TensorFlow Datasets publishes them."""


def cifar10(root: Path, *, split: str, download: bool) -> ArraySplit | None:
    """Pictures (N, 32, 32, 3) and labels; None for the test split of a folder that holds the training files alone.

    They come from `root`/cifar-10-batches-bin, else from the .bin files in `root` itself, else from
    `root`/cifar-10-binary.tar.gz, which is read where it is and not unpacked.
    """
    from zoo_core.data import RemoteFiles

    from .binary import read_split

    source = RemoteFiles(dataset="cifar10", files=FILES, mirrors=MIRRORS)
    return read_split(root, split=split, download=download, source=source)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="cifar10",
        load=cifar10,
        task="image-classification",
        summary="CIFAR-10: 60,000 colour pictures of 10 kinds of things, fetched with --download",
        inputs={"image": TensorSpec("N", 3, 32, 32)},
        classes=CLASSES,
        preprocess=Preprocess(resize=(32, 32), mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
        source="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
        download_bytes=sum(size for _, size in FILES.values()),
        augment=("flip", "crop"),
        expected_failures={"says-where-it-comes-from": "its authors published it without a license"},
    )
