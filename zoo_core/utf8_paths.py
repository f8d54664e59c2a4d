"""Paths for libraries that take names in UTF-8 alone, as onnxruntime and onnx do; a file system takes any bytes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .files import temporary_folder


@contextlib.contextmanager
def in_utf8(path: Path) -> Iterator[Path]:
    """The path; or, where that is no UTF-8, another one that leads to the same file for as long as the block runs.

    It leads through a link to the folder, so that files beside it are found there, too; where the name of the file
    itself is no UTF-8, to that file alone. Raises TemporaryFolderError.
    """
    if _is_utf8(str(path)):
        yield path
        return
    with temporary_folder("zoo-link-") as folder:
        link = folder / "linked"
        if _is_utf8(path.name):
            link.symlink_to(os.path.abspath(path.parent), target_is_directory=True)
            yield link / path.name
        else:
            link.symlink_to(os.path.abspath(path))
            yield link


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
