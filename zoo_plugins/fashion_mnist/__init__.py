"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 70,000 grey pictures of clothes in MNIST's format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
FILES = {
    "train-images-idx3-ubyte.gz": ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
    "train-labels-idx1-ubyte.gz": ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
    "t10k-images-idx3-ubyte.gz": ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
    "t10k-labels-idx1-ubyte.gz": ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
}
"""sha256 and size of each file, as TensorFlow Datasets publishes them."""

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot")


def fashion_mnist(root: Path, *, split: str, download: bool) -> ArraySplit | None:
    """Images (N, 28, 28) and labels from the IDX files in `root`, plain or gzipped."""
    from zoo_core.data import RemoteFiles, read_idx_split

    source = RemoteFiles(dataset="fashion-mnist", files=FILES, mirrors=MIRRORS)
    return read_idx_split(root, split=split, download=download, source=source)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="fashion-mnist",
        load=fashion_mnist,
        task="image-classification",
        summary="Fashion-MNIST: 70,000 pictures of clothes, fetched with --download",
        inputs={"image": TensorSpec("N", 1, 28, 28)},
        classes=CLASSES,
        preprocess=Preprocess(resize=(28, 28), color="L", mean=(0.2860,), std=(0.3530,)),
        license="MIT",
        source="https://arxiv.org/abs/1708.07747",
        download_bytes=sum(size for _, size in FILES.values()),
        augment=("flip", "crop"),
    )
