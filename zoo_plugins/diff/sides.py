"""The two files that are compared: vetted, with what they say of themselves and the sha256 of what they consist of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo_core import ZooError
from zoo_core.commands import find_export, model_file
from zoo_core.data import plain_file
from zoo_core.runtime import Metadata, OnnxFile, read_metadata, vet

OWN_WORDS = "zoo"
"""The key of a file's metadata under which it describes itself."""

MODEL = "model.onnx"
_MOST_BYTES = 64 << 30
_MOST_FILES = 10_000


@dataclass(frozen=True, kw_only=True)
class Side:
    """An export that is compared, as it was typed; `path` is its folder or the bare file."""

    typed: str
    path: Path
    file: OnnxFile = field(repr=False)

    @property
    def describes_itself(self) -> bool:
        """Whether `zoo export` made it."""
        return OWN_WORDS in self.file.metadata_props

    @cached_property
    def metadata(self) -> Metadata | None:
        """What it says of itself; None for an ONNX file that says nothing.

        Raises RefusedFileError, or ZooError where what lies beside it is missing.
        """
        return read_metadata(self.file) if self.describes_itself else None

    @cached_property
    def model_digests(self) -> dict[str, str]:
        """The sha256 of the model, as `model.onnx`, and of each file beside it in which it keeps weights."""
        names = {dict(tensor.external)["location"] for tensor in self._tensors() if tensor.external is not None}
        folder = self.file.path.parent
        beside = {name: _sha256(folder / name, within=folder) for name in sorted(names)}
        return {MODEL: hashlib.sha256(self.file.content).hexdigest(), **beside}

    @cached_property
    def digests(self) -> dict[str, str]:
        """As `model_digests`, and of everything else in its folder if it is one."""
        found = dict(self.model_digests)
        if self.path.is_dir():
            for name in _names_in(self.path):
                if name not in found:
                    found[name] = _sha256(self.path / name, within=self.path)
        return found

    def to_json(self) -> dict[str, Any]:
        """As it was typed, its place and its sha256."""
        return {"typed": self.typed, "path": str(self.file.path), "sha256": self.model_digests[MODEL]}

    def _tensors(self) -> Iterator[Any]:
        return (tensor for graph in self.file.graph.walk() for tensor in graph.all_tensors())


def open_side(typed: str) -> Side:
    """The export of that name or path, vetted; nothing of it has run.

    Raises UsageError where there is none, RefusedFileError for what is no safe ONNX file.
    """
    path = find_export(typed)
    return Side(typed=typed, path=path, file=vet(model_file(path)))


def _sha256(path: Path, *, within: Path) -> str:
    with plain_file(path, most=_MOST_BYTES, within=within) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names_in(folder: Path) -> list[str]:
    found: list[str] = []
    for place, _, names in os.walk(folder):
        found += [(Path(place) / name).relative_to(folder).as_posix() for name in names]
        if len(found) > _MOST_FILES:
            raise ZooError(
                f"{folder} holds over {_MOST_FILES:,} files, and an export holds some ten",
                hint="name the .onnx file in it",
            )
    return sorted(found)
