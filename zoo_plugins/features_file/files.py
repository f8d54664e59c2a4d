"""Reading the files: features, targets and classes, and nothing that could be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import clear_io_errors
from zoo_core.data import ArraySplit, plain_file

_MOST_BYTES = 1 << 36
"""A split is held in memory."""

_PARTS = ("features", "targets", "classes")
_WRITE = "zoo features MODEL|RUN --layer L --dataset D --out FILE.npz writes one"


def read_split(root: Path, split: str) -> ArraySplit | None:
    """The features of a split; None where there is no file for it. Raises ZooError for a file that holds none."""
    if root.is_dir():
        path = root / f"{split}.npz"
        if not path.exists() and split == "train":
            raise ZooError(f"{root} has no train.npz", hint=_WRITE)
    else:
        path = root
        if split != "train":
            return None
        if not path.exists():
            raise ZooError(f"there is no file {path} with features", hint=_WRITE)
    return _read(path) if path.exists() else None


def _read(path: Path) -> ArraySplit:
    arrays = _arrays(path)
    features, targets, classes = (arrays[name] for name in _PARTS)
    if features.dtype != np.float32 or not 2 <= features.ndim <= 4 or 0 in features.shape:
        raise ZooError(
            f"{path}: features are float32 of 2 to 4 axes, not {features.dtype} of shape {features.shape}",
            hint="zoo features --pool makes vectors of maps",
        )
    if not np.isfinite(features).all():
        raise ZooError(f"{path}: features have values that are not finite", hint=_WRITE)
    if targets.ndim != 1:
        raise ZooError(
            f"{path}: a classifier needs a class number for each sample, and the targets are masks {targets.shape}",
            hint="features of a dataset for classification",
        )
    if classes.ndim != 1 or classes.dtype.kind != "U":
        raise ZooError(f"{path}: classes are texts, not {classes.dtype} of shape {classes.shape}", hint=_WRITE)
    shape = features.shape + (1,) * (4 - features.ndim)
    return ArraySplit(inputs=features.reshape(shape), targets=targets, classes=tuple(map(str, classes)))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if path.suffix == ".npy":
        raise ZooError(f"{path} holds only features, but a classifier needs their classes", hint=_WRITE)
    with clear_io_errors("cannot read features", path):
        try:
            with (
                plain_file(path, most=_MOST_BYTES, what="features") as stream,
                np.load(stream, allow_pickle=False) as file,
            ):
                missing = [name for name in _PARTS if name not in file]
                found = {} if missing else {name: file[name] for name in _PARTS}
        except (OSError, ZooError):
            raise
        except Exception as error:  # noqa: BLE001 numpy and zipfile let a damaged header raise many kinds of errors
            text = str(error).partition("\n")[0][:200]
            raise ZooError(f"{path} does not hold features: {text}", hint=_WRITE) from None
    if missing:
        raise ZooError(f"{path} has no {' and no '.join(missing)}", hint=_WRITE)
    return found
