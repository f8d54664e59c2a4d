"""Datasets in use: what loaders return, splits and subsets, readers and downloads. No torch.

Open `bound.py` first: a dataset with its options, from the call of its loader to samples.
"""

from __future__ import annotations

from zoo_core.bounded_json import load_json
from zoo_core.files import plain_file, read_plain
from zoo_core.picture_geometry import PreparedPlace, prepared_place
from zoo_core.pictures import SUFFIXES as PICTURE_SUFFIXES
from zoo_core.pictures import read_mask
from zoo_core.preprocess import normalize, prepare_pictures

from .archives import read_members, unpack
from .binding import bind_dataset
from .bound import BoundDataset
from .boxes import BoxTargets
from .class_folders import read_class_folders
from .download import RemoteFile, RemoteFiles, fetch
from .feeding import Feeding
from .folders import (
    SPLIT_FOLDERS,
    files_in,
    one_a_line,
    pictures_in,
    require_folder,
    split_folders,
    subfolders,
    visible,
)
from .idx import idx_bytes, read_idx
from .idx_dataset import read_idx_split
from .lazy_rows import LazyRows, rows_in_turn
from .noise import with_noise
from .pixel_statistics import Statistics, channel_statistics
from .recipe_inputs import filled_recipes
from .samples import Samples
from .selection import set_aside
from .split_files import split_file
from .splits import ArraySplit, FileSplit, StreamSplit
from .target_files import MaskFiles, PictureFiles

__all__ = [
    "PICTURE_SUFFIXES",
    "SPLIT_FOLDERS",
    "ArraySplit",
    "BoundDataset",
    "BoxTargets",
    "Feeding",
    "FileSplit",
    "LazyRows",
    "MaskFiles",
    "PictureFiles",
    "PreparedPlace",
    "RemoteFile",
    "RemoteFiles",
    "Samples",
    "Statistics",
    "StreamSplit",
    "bind_dataset",
    "channel_statistics",
    "fetch",
    "files_in",
    "filled_recipes",
    "idx_bytes",
    "load_json",
    "normalize",
    "one_a_line",
    "pictures_in",
    "plain_file",
    "prepare_pictures",
    "prepared_place",
    "read_class_folders",
    "read_idx",
    "read_idx_split",
    "read_mask",
    "read_members",
    "read_plain",
    "require_folder",
    "rows_in_turn",
    "set_aside",
    "split_file",
    "split_folders",
    "subfolders",
    "unpack",
    "visible",
    "with_noise",
]
