"""An image of the Open Container Initiative that holds files in `models/` and nothing else, as KServe wants it.

A folder in the layout of the image specification 1.1 (`oci-layout`, `index.json`, `blobs/sha256/`), which `zoo push`,
`skopeo copy oci:DIR docker://...` and `oras cp --from-oci-layout` push. The same files give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .contents import Contents
from .folders import new_folder, write

ROOT = "models"
"""Where KServe looks for the files of a model in an image."""
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_BLOBS = Path("blobs") / "sha256"


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """A file of the image: its path below `models/`, its size, and its content, some of it at a time."""

    name: str
    size: int
    pieces: Iterator[bytes]


def write_modelcar(contents: Contents, target: Path, *, architecture: str) -> Path:
    """Write an image of the export into a new folder; that folder. Raises UsageError where it is there already."""
    with new_folder(target) as folder:
        write_image(folder, _files(contents), annotations=annotations_of(contents), architecture=architecture)
    return target


def write_image(folder: Path, files: Iterable[ImageFile], *, annotations: Mapping[str, str], architecture: str) -> None:
    """Fill an empty folder with the layout of an image."""
    blobs = folder / _BLOBS
    blobs.mkdir(parents=True)
    layer = _layer(files, blobs)
    config = _blob(
        blobs,
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": annotations},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        },
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, **config},
        "layers": [layer],
        "annotations": annotations,
    }
    listed = {"mediaType": _MANIFEST, **_blob(blobs, manifest)}
    listed["platform"] = {"architecture": architecture, "os": "linux"}
    listed["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    write(folder / "index.json", [_json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [listed]})])
    write(folder / "oci-layout", [_json({"imageLayoutVersion": "1.0.0"})])


def annotations_of(contents: Contents) -> dict[str, str]:
    """What an image says of the export in it."""
    metadata = contents.metadata
    found = {
        "org.opencontainers.image.title": metadata.name,
        "org.opencontainers.image.licenses": metadata.license,
        "zoo.task": metadata.task,
        "zoo.model.sha256": contents.sha256(contents.files[0]),
    }
    return {name: value for name, value in found.items() if value}


def _files(contents: Contents) -> Iterator[ImageFile]:
    for name in contents.files:
        size = (contents.folder / name).stat().st_size
        yield ImageFile(name=contents.stored_name(name), size=size, pieces=contents.pieces(name))


def _layer(files: Iterable[ImageFile], blobs: Path) -> dict[str, Any]:
    """The files in `models/`, as a tar of which nothing tells who made it, or when."""
    being_written = blobs / "layer"
    known = {"."}
    with being_written.open("wb") as file:
        counted = _Counted(file)
        with tarfile.open(fileobj=counted, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for each in files:
                path = Path(ROOT, each.name)
                for parent in reversed(path.parents):
                    if parent.as_posix() not in known:
                        known.add(parent.as_posix())
                        tar.addfile(_folder(parent))
                entry = tarfile.TarInfo(path.as_posix())
                entry.size, entry.mode = each.size, 0o644
                tar.addfile(entry, _Reader(each.pieces))
    being_written.rename(blobs / counted.digest.hexdigest())
    return {"mediaType": _LAYER, "digest": f"sha256:{counted.digest.hexdigest()}", "size": counted.size}


def _folder(path: Path) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.as_posix())
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def _blob(blobs: Path, value: Any) -> dict[str, Any]:
    content = _json(value)
    digest = hashlib.sha256(content).hexdigest()
    write(blobs / digest, [content])
    return {"digest": f"sha256:{digest}", "size": len(content)}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class _Counted:
    """A file that is written, with its size and digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.digest.update(data)
        return self._file.write(data)


class _Reader(io.RawIOBase):
    """What comes in pieces, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        found, self._left = self._left[:size], self._left[size:]
        return found
