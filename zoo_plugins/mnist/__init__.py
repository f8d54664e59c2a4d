"""MNIST (LeCun, Cortes and Burges): 70,000 handwritten digits of 28 by 28 pixels, fetched on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {
    "train-images-idx3-ubyte.gz": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    "train-labels-idx1-ubyte.gz": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    "t10k-images-idx3-ubyte.gz": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    "t10k-labels-idx1-ubyte.gz": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
}
"""sha256 and size of each file."""


def mnist(root: Path, *, split: str, download: bool) -> ArraySplit | None:
    """Images (N, 28, 28) and labels from the IDX files in `root`, plain or gzipped."""
    from zoo_core.data import RemoteFiles, read_idx_split

    source = RemoteFiles(dataset="mnist", files=FILES, mirrors=MIRRORS)
    return read_idx_split(root, split=split, download=download, source=source)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="mnist",
        load=mnist,
        task="image-classification",
        summary="MNIST: 70,000 handwritten digits, fetched with --download",
        inputs={"image": TensorSpec("N", 1, 28, 28)},
        classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        preprocess=Preprocess(resize=(28, 28), color="L", mean=(0.1307,), std=(0.3081,)),
        license="CC-BY-SA-3.0",
        source="https://doi.org/10.1109/5.726791",
        download_bytes=sum(size for _, size in FILES.values()),
        augment=("crop", "affine"),
    )
