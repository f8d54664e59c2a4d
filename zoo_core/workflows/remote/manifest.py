"""Manifests of the Open Container Initiative, which a stranger's registry may have made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo_core.bounded_json import load_json
from zoo_core.errors import RefusedFileError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MOST_MANIFEST_BYTES = 4 << 20
"""What registries themselves take."""
_MOST_LAYERS = 1000
_MOST_BYTES = 1 << 40
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A piece of content: `digest` is `sha256:...`, `size` in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a manifest."""
        told: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return {**told, "annotations": dict(self.annotations)} if self.annotations else told


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is under a tag: `kind` says what it is for, `layers` are its contents. `content` are its bytes."""

    kind: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """`sha256:...` of its bytes."""
        return digest_of(self.content)


def digest_of(content: bytes) -> str:
    """How registries name a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_manifest(
    kind: str, *, config: Descriptor, layers: tuple[Descriptor, ...], annotations: Mapping[str, str]
) -> Manifest:
    """A manifest with its bytes; equal content gives equal bytes."""
    told = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": config.to_json(),
        "layers": [each.to_json() for each in layers],
        "annotations": dict(annotations),
    }
    content = json.dumps(told, separators=(",", ":"), sort_keys=True).encode()
    return Manifest(kind=kind, config=config, layers=layers, annotations=annotations, content=content)


def read_manifest(content: bytes, *, where: str) -> Manifest:
    """The manifest in these bytes. Raises RefusedFileError that says what is wrong with it, `where` in front."""
    try:
        if len(content) > MOST_MANIFEST_BYTES:
            raise ValueError(f"it has over {MOST_MANIFEST_BYTES:,} bytes")
        told = _object(load_json(content, unique_keys=True), "it")
        if told.get("schemaVersion") != 2 or told.get("mediaType", MANIFEST) != MANIFEST:
            raise ValueError("it is not the manifest of one image or artifact")
        layers = told.get("layers")
        if not isinstance(layers, list) or len(layers) > _MOST_LAYERS:
            raise ValueError(f"it has no list of at most {_MOST_LAYERS} layers")
        kind = told.get("artifactType", "")
        if not isinstance(kind, str):
            raise ValueError("its artifactType is no text")
        return Manifest(
            kind=kind,
            config=_descriptor(told.get("config"), "its config"),
            layers=tuple(_descriptor(each, "a layer") for each in layers),
            annotations=_texts(told.get("annotations"), "it"),
            content=content,
        )
    except ValueError as error:
        raise RefusedFileError(f"{where} was refused (manifest): {error}") from None


def _descriptor(told: Any, what: str) -> Descriptor:
    found = _object(told, what)
    media_type, digest, size = (found.get(key) for key in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str):
        raise ValueError(f"{what} has no mediaType")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"{what} has no digest that is a sha256")
    if type(size) is not int or not 0 <= size <= _MOST_BYTES:
        raise ValueError(f"{what} has no size in bytes")
    return Descriptor(
        media_type=media_type, digest=digest, size=size, annotations=_texts(found.get("annotations"), what)
    )


def _texts(told: Any, what: str) -> dict[str, str]:
    found = _object(told, f"the annotations of {what}") if told is not None else {}
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"an annotation of {what} is no text")
    return found


def _object(told: Any, what: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise ValueError(f"{what} is no object")
    return told
