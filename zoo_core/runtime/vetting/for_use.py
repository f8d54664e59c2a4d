"""The metadata of a file whose answers are wanted: they fit its graph, and nobody has edited them since the export."""

from __future__ import annotations

from zoo_core.runtime.reading.metadata import KEY, Metadata, read_metadata
from zoo_core.runtime.reading.metadata_seal import SEAL, seal_of
from zoo_core.runtime.reading.wire import OnnxFile, refused

from .agreement import check_agreement


def metadata_for_use(file: OnnxFile, *, edited: bool = False) -> Metadata:
    """What a vetted file says of itself, for whoever gives its answers or passes it on. `edited`: also where the seal
    does not fit, for whoever shows what was edited.

    Raises as `read_metadata`, and RefusedFileError where they do not fit the graph or their seal.
    """
    metadata = read_metadata(file)
    check_agreement(file, metadata)
    if not edited:
        _check_seal(file, metadata)
    return metadata


def _check_seal(file: OnnxFile, metadata: Metadata) -> None:
    """Labels, preprocessing and settings decide what an answer means, and no self-test sees them."""
    said = (metadata.self_test or {}).get(SEAL)
    if said is None:  # a file of an earlier version, or of another program
        return
    if said != seal_of(file.metadata_props[KEY]):
        raise refused(
            file.path,
            "edited",
            "its labels, preprocessing, settings or other words are not those of the export: their seal does not fit",
            hint="get the file again from whoever published it, or export it again",
        )
