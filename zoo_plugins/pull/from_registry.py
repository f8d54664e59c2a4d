"""The files of an export that is an artifact of a registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from zoo_core import ZooError
from zoo_core.workflows.remote import Address, Descriptor, Manifest, Registry, checked_names

KIND = "application/vnd.zoo.export.v1"
TITLE = "org.opencontainers.image.title"
_VERSION = re.compile(r"application/vnd\.zoo\.export\.v[0-9]+")


def fetch_from_registry(address: Address, folder: Path) -> str:
    """Write the files into a folder; the digest of the whole. Raises ZooError where there is nothing or something else,
    RefusedFileError for what is not what its digest says."""
    registry = Registry(address)
    manifest = registry.manifest()
    if manifest is None:
        raise ZooError(f"{address.place} has nothing at {address}", hint="are the name and the tag right?")
    for name, layer in files_of(manifest, where=str(address)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in registry.pieces(layer):
                file.write(piece)
    return manifest.digest


def files_of(manifest: Manifest, *, where: str) -> Mapping[str, Descriptor]:
    """The layers by the names of the files that they are. Raises ZooError for another kind of artifact,
    RefusedFileError for names that cannot be."""
    if manifest.kind != KIND:
        newer = "; a newer version of the zoo may read it" if _VERSION.fullmatch(manifest.kind) else ""
        raise ZooError(
            f"{where} is no export of the zoo{newer}: its kind is {manifest.kind[:100]!r}",
            hint="zoo push makes one; an image, such as zoo package makes, is pulled by those who run it",
        )
    names = checked_names((layer.annotations.get(TITLE) for layer in manifest.layers), where=where)
    return dict(zip(names, manifest.layers, strict=True))
