"""An export as an artifact of a registry, with a layer for each file; and the layout of an image, as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from zoo_core import UsageError, ZooError
from zoo_core.data import plain_file
from zoo_core.workflows.remote import Address, Descriptor, Manifest, Registry, write_manifest

from .content import Content, Sent

KIND = "application/vnd.zoo.export.v1"
TITLE = "org.opencontainers.image.title"
_FILE = "application/octet-stream"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_MOST_BYTES = 1 << 40


def push_to_registry(content: Content, address: Address, *, replace: bool) -> Sent:
    """Upload what the registry does not have, the manifest last. Raises UsageError where the tag is another content's,
    and as `Registry`."""
    if address.digest is not None:
        raise UsageError(f"{address} names a content, and no place for one", hint=f"oci://{address.place}/NAME:TAG")
    manifest = content.image or _manifest(content)
    registry = Registry(address)
    there = registry.manifest()
    if there is not None and there.digest == manifest.digest:
        return Sent(address=str(address), digest=manifest.digest, was_there=True)
    if there is not None and not replace:
        raise UsageError(
            f"{address} is there already, with another content: {there.digest}",
            hint="choose another tag, or --replace",
        )
    for blob, place in _blobs(content, manifest):
        if not registry.has(blob):
            registry.put(blob, place)
    registry.put_manifest(manifest)
    _look_again(registry, manifest)
    return Sent(address=str(address), digest=manifest.digest)


def _look_again(registry: Registry, manifest: Manifest) -> None:
    there = registry.manifest()
    if there is None or there.digest != manifest.digest:
        raise ZooError(
            f"{registry.address} has another content than was pushed", hint="somebody else may push there, too"
        )


def _manifest(content: Content) -> Manifest:
    layers = tuple(_layer(content.folder, name) for name in content.files)
    digest = f"sha256:{hashlib.sha256(_EMPTY).hexdigest()}"
    config = Descriptor(media_type=_EMPTY_TYPE, digest=digest, size=len(_EMPTY))
    return write_manifest(KIND, config=config, layers=layers, annotations=content.about)


def _layer(folder: Path, name: str) -> Descriptor:
    with plain_file(folder / name, most=_MOST_BYTES, within=folder) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Descriptor(media_type=_FILE, digest=f"sha256:{digest}", size=size, annotations={TITLE: name})


def _blobs(content: Content, manifest: Manifest) -> Iterator[tuple[Descriptor, Path | bytes]]:
    if content.image is not None:
        for blob in (manifest.config, *manifest.layers):
            yield blob, content.folder / "blobs" / blob.digest.replace(":", "/")
        return
    yield manifest.config, _EMPTY
    for layer in manifest.layers:
        yield layer, content.folder / layer.annotations[TITLE]
