"""Kuzushiji-MNIST (Clanuwat et al., 2018): 70,000 cursive Japanese characters in MNIST's format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

MIRRORS = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/")
FILES = {
    "train-images-idx3-ubyte.gz": ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18_165_135),
    "train-labels-idx1-ubyte.gz": ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29_497),
    "t10k-images-idx3-ubyte.gz": ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3_041_136),
    "t10k-labels-idx1-ubyte.gz": ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5_120),
}
"""sha256 and size of each file, as TensorFlow Datasets publishes them."""


def kmnist(root: Path, *, split: str, download: bool) -> ArraySplit | None:
    """Images (N, 28, 28) and labels from the IDX files in `root`, plain or gzipped."""
    from zoo_core.data import RemoteFiles, read_idx_split

    source = RemoteFiles(dataset="kmnist", files=FILES, mirrors=MIRRORS)
    return read_idx_split(root, split=split, download=download, source=source)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="kmnist",
        load=kmnist,
        task="image-classification",
        summary="Kuzushiji-MNIST: 70,000 cursive Japanese characters, fetched with --download",
        inputs={"image": TensorSpec("N", 1, 28, 28)},
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        preprocess=Preprocess(resize=(28, 28), color="L", mean=(0.1918,), std=(0.3483,)),
        license="CC-BY-SA-4.0",
        source="https://arxiv.org/abs/1812.01718",
        download_bytes=sum(size for _, size in FILES.values()),
        augment=("crop", "affine"),
    )
