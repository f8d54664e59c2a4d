"""What is packaged: an export that has just passed the self-test that it carries, its files, and how it is batched."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted, find_export, model_file
from zoo_core.data import read_plain
from zoo_core.runtime import Isolated, Metadata, SessionSettings, open_model
from zoo_core.verification import self_test_cases
from zoo_core.workflows.answers import require_self_test

from .folders import pieces_of

MODEL = "model.onnx"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_MOST_FILES = 1000
_MOST_TEXT = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Contents:
    """An export that may be packaged. `folder` is where its files lie, `files` their paths from there on, the model
    first; `example` one row for each input; `settings` those that `zoo bench --tune` found for it."""

    typed: str
    name: str
    metadata: Metadata
    settings: SessionSettings
    folder: Path
    files: tuple[str, ...]
    example: Mapping[str, NDArray[Any]] = field(repr=False)

    @property
    def weights(self) -> tuple[str, ...]:
        """The files that onnxruntime needs, the model among them."""
        return tuple(name for name in self.files if name == self.files[0] or name.startswith(f"{self.files[0]}."))

    def stored_name(self, name: str) -> str:
        """What a file is called in a package: the model is `model.onnx` there, what belongs to it accordingly."""
        return f"{MODEL}{name.removeprefix(self.files[0])}" if name in self.weights else name

    def rows_together(self, most: int) -> int:
        """How many rows of several requests may run together, at most so many; 0 where they may not at all."""
        return min(most, self.metadata.largest.get("N", most)) if self.metadata.rows_are_independent else 0

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file, some of it at a time."""
        return pieces_of(self.folder / name, within=self.folder)

    def sha256(self, name: str) -> str:
        """Of one of the files."""
        digest = hashlib.sha256()
        for piece in self.pieces(name):
            digest.update(piece)
        return digest.hexdigest()

    def text(self, name: str) -> bytes:
        """The content of a small file."""
        return read_plain(self.folder / name, most=_MOST_TEXT, within=self.folder)


def open_contents(typed: str, *, name: str | None, isolated: Isolated) -> Contents:
    """The export of that name or path, once its own self-test has passed here.

    Raises UsageError where there is none, NotVerifiedError where the self-test does not pass, RefusedFileError.
    """
    path = find_export(typed)
    file = model_file(path)
    with open_model(path, isolated=isolated) as model:
        metadata, settings = model.metadata, model.settings
        require_self_test(model, otherwise=f"{typed} is not packaged")
    cases = self_test_cases(metadata)
    rows = cases[0].inputs()
    folder, files = (path, _files_in(path)) if path.is_dir() else (file.parent, (file.name,))
    return Contents(
        typed=typed,
        name=_checked_name(metadata.name if name is None else name),
        metadata=metadata,
        settings=settings,
        folder=folder,
        files=(file.name, *(each for each in files if each != file.name)),
        example={key: value[:1] for key, value in rows.items()},
    )


def _files_in(folder: Path) -> tuple[str, ...]:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if len(found) > _MOST_FILES:
        raise ZooError(
            f"{folder} holds {counted(len(found), 'file')}, and an export holds some ten", hint="name its .onnx file"
        )
    return tuple(found)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a model here", hint="--name with letters, digits, '.', '_' and '-'"
        )
    return name
