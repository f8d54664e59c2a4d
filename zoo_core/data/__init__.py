"""Datasets in use: what loaders return, splits and subsets, readers and downloads. No torch."""

from __future__ import annotations

from .bound import BoundDataset, bind_dataset
from .download import RemoteFile, download
from .idx import idx_bytes, read_idx
from .samples import Samples
from .selection import set_aside
from .splits import ArraySplit, FileSplit

__all__ = [
    "ArraySplit",
    "BoundDataset",
    "FileSplit",
    "RemoteFile",
    "Samples",
    "bind_dataset",
    "download",
    "idx_bytes",
    "read_idx",
    "set_aside",
]
