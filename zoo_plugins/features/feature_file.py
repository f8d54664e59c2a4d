"""Features on the disk: an .npz with features, targets and classes, or an .npy with features alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted, written_whole

SUFFIXES = (".npz", ".npy")

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # no date of today in the bytes: equal features give equal files


def check_target(path: Path) -> None:
    """Raises UsageError for a name that says neither of the formats, or that is a folder's."""
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"--out {path}: features are written as .npz (with targets and classes) or .npy (features alone)",
            hint=f"--out {path.with_suffix(SUFFIXES[0])}",
        )
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder, and a file is needed", hint=f"--out {path / 'features.npz'}")


def write_features_file(
    path: Path, batches: Iterable[NDArray[Any]], *, count: int, targets: NDArray[Any], classes: Sequence[str]
) -> tuple[int, ...]:
    """Write `count` rows of features batch by batch, each let go once it is on the disk; the shape of all of them.

    The file appears whole or not at all.
    """
    with written_whole(path) as file:
        if path.suffix == ".npy":
            return _write_rows(file, batches, count)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            with _member(archive, "features") as member:
                shape = _write_rows(member, batches, count)
            for name, array in (("targets", targets), ("classes", np.array(classes, np.str_))):
                with _member(archive, name) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
        return shape


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    return archive.open(zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_EPOCH), "w", force_zip64=True)


def _write_rows(file: IO[bytes], batches: Iterable[NDArray[Any]], count: int) -> tuple[int, ...]:
    shape: tuple[int, ...] = ()
    written = 0
    for batch in batches:
        if not shape:
            shape = (count, *batch.shape[1:])
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
        if batch.shape[1:] != shape[1:]:
            raise ZooError(f"features of one shape are needed, not {shape[1:]} and {batch.shape[1:]}")
        file.write(np.ascontiguousarray(batch, np.dtype("<f4")).data)
        written += len(batch)
    if written != count:
        raise ZooError(f"there are features of {counted(written, 'sample')}, and {counted(count, 'sample')}")
    return shape
