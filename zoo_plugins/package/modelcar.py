"""An image of the Open Container Initiative that holds an export and nothing else, as KServe's Modelcars want it.

A folder in the layout of the image specification 1.1 (`oci-layout`, `index.json`, `blobs/sha256/`), which `skopeo copy
oci:DIR docker://...` or `oras cp --from-oci-layout` push. The same export gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
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


def write_modelcar(contents: Contents, target: Path, *, architecture: str) -> Path:
    """Write the image into a new folder; that folder. Raises UsageError where it is there already."""
    with new_folder(target) as folder:
        blobs = folder / _BLOBS
        blobs.mkdir(parents=True)
        layer = _layer(contents, blobs)
        config = _blob(
            blobs,
            {
                "architecture": architecture,
                "os": "linux",
                "config": {"Labels": _annotations(contents)},
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
            },
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, **config},
            "layers": [layer],
            "annotations": _annotations(contents),
        }
        listed = {"mediaType": _MANIFEST, **_blob(blobs, manifest)}
        listed["platform"] = {"architecture": architecture, "os": "linux"}
        listed["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        write(folder / "index.json", [_json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [listed]})])
        write(folder / "oci-layout", [_json({"imageLayoutVersion": "1.0.0"})])
    return target


def _annotations(contents: Contents) -> dict[str, str]:
    metadata = contents.metadata
    found = {
        "org.opencontainers.image.title": metadata.name,
        "org.opencontainers.image.licenses": metadata.license,
        "zoo.task": metadata.task,
        "zoo.model.sha256": contents.sha256(contents.files[0]),
    }
    return {name: value for name, value in found.items() if value}


def _layer(contents: Contents, blobs: Path) -> dict[str, Any]:
    """The files in `models/`, as a tar of which nothing tells who made it, or when."""
    being_written = blobs / "layer"
    with being_written.open("wb") as file:
        counted = _Counted(file)
        with tarfile.open(fileobj=counted, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for folder in _folders(contents):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            for name in contents.files:
                entry = tarfile.TarInfo(f"{ROOT}/{'model.onnx' if name == contents.files[0] else name}")
                entry.size, entry.mode = (contents.folder / name).stat().st_size, 0o644
                tar.addfile(entry, _Reader(contents.pieces(name)))
    being_written.rename(blobs / counted.digest.hexdigest())
    return {"mediaType": _LAYER, "digest": f"sha256:{counted.digest.hexdigest()}", "size": counted.size}


def _folders(contents: Contents) -> Iterator[str]:
    parents = {parent.as_posix() for name in contents.files for parent in Path(ROOT, name).parents}
    yield from sorted(parents - {"."})


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
