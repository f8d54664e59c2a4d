"""A gallery: vectors of samples that are known, and which of them are nearest to another one; one file on the disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.bounded_json import load_json
from zoo_core.errors import UsageError, ZooError
from zoo_core.file_limits import MAX_GALLERY_BYTES
from zoo_core.files import clear_io_errors, plain_file, written_whole
from zoo_core.npy import array_of_npy

from .shown import npy_bytes

SUFFIX = ".npz"
USUAL_COUNT = 5
"""Neighbours that are told unless a number is given."""

_VECTORS, _NAMES = "vectors.npy", "names.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # no date of today in the bytes: equal vectors give equal files
_MADE_BY = "zoo predict EXPORT FOLDER --out gallery.npz makes one"


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Vectors of length 1, float64 (M, D), of samples with these names."""

    path: Path
    names: tuple[str, ...]
    vectors: NDArray[np.float64]

    def nearest(self, vector: Sequence[float], count: int | None) -> list[dict[str, Any]]:
        """`[{input, similarity}]`, the most similar first: the cosine of the angle between both, 1 for the same.

        Raises ZooError for a vector of another length.
        """
        wanted = np.asarray(vector, np.float64)
        if len(wanted) != self.vectors.shape[1]:
            raise ZooError(
                f"{self.path} has vectors of {self.vectors.shape[1]} numbers, and the model gives {len(wanted)}",
                hint=f"a gallery of this model: {_MADE_BY}",
            )
        similar = self.vectors @ _unit(wanted[np.newaxis])[0]
        order = np.argsort(-similar, kind="stable")[: count or USUAL_COUNT]
        return [{"input": self.names[place], "similarity": float(similar[place])} for place in order.tolist()]

    @staticmethod
    def columns(count: int | None) -> tuple[str, ...]:
        """The columns of a table of neighbours."""
        places = range(count or USUAL_COUNT)
        return tuple(f"{name}[{place}]" for place in places for name in ("neighbour", "similarity"))

    @staticmethod
    def cells(row: Mapping[str, Any]) -> dict[str, Any]:
        """The neighbours in a row by these columns."""
        found = enumerate(row["neighbours"])
        return {
            f"{name}[{place}]": near[key]
            for place, near in found
            for name, key in (("neighbour", "input"), ("similarity", "similarity"))
        }


def neighbours_in_words(row: Mapping[str, Any]) -> str:
    """`seven.png 0.9913, one.png 0.4200`."""
    return ", ".join(f"{near['input']} {near['similarity']:.4f}" for near in row["neighbours"])


def write_gallery(path: Path, names: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
    """A file of these vectors, float32 (M, D), and the names of their samples. Raises ZooError for none."""
    if not names:
        raise ZooError(
            f"{path} is not written: there is no vector for it", hint="each input has an error: mend these first"
        )
    with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        parts = {_VECTORS: npy_bytes(np.asarray(vectors, np.float32)), _NAMES: json.dumps(list(names)).encode()}
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=_ZIP_EPOCH), content)


def read_gallery(path: Path) -> Gallery:
    """The gallery in a file. Raises UsageError for another kind of file, ZooError for one that is damaged."""
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--gallery {path}: a gallery is an {SUFFIX} file", hint=_MADE_BY)
    try:
        with (
            clear_io_errors("cannot read gallery", path),
            plain_file(path, most=MAX_GALLERY_BYTES, what="gallery") as stream,
            zipfile.ZipFile(stream) as archive,
        ):
            vectors = array_of_npy(_member(archive, _VECTORS))
            names = load_json(_member(archive, _NAMES), max_depth=1)
    except (OSError, ZooError):
        raise
    except Exception as error:  # noqa: BLE001 zipfile lets a damaged directory raise many kinds of errors
        text = str(error).partition("\n")[0][:200]
        raise ZooError(f"{path} is no gallery: {text or type(error).__name__}", hint=_MADE_BY) from None
    if vectors.ndim != 2 or vectors.dtype != np.float32 or 0 in vectors.shape or not np.isfinite(vectors).all():
        raise ZooError(f"{path}: its vectors are not finite float32 numbers (samples, numbers)", hint=_MADE_BY)
    if not isinstance(names, list) or len(names) != len(vectors) or not all(isinstance(each, str) for each in names):
        raise ZooError(f"{path}: there is not a name for each of its {len(vectors)} vectors", hint=_MADE_BY)
    return Gallery(path=path, names=tuple(names), vectors=_unit(vectors.astype(np.float64)))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    found = archive.getinfo(name)
    if found.compress_type != zipfile.ZIP_STORED or found.file_size != found.compress_size:
        raise ValueError(f"{name} in it is packed, and could be of any size")
    return archive.read(found)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))
