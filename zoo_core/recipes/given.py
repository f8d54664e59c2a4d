"""What may be given to a recipe, and the content of files on the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.files import read_plain

from .recipe import InputRecipe

Given: TypeAlias = "Path | bytes | str | Mapping[str, Any] | NDArray[Any]"
"""A file, by its path or its content; a text; a row of a table; or an array."""


def bytes_of(path: Path, recipe: InputRecipe) -> bytes:
    """The content of a file that the recipe reads. Raises ZooError or RefusedFileError as `read_plain` does."""
    most = recipe.most_bytes
    too_large = RefusedFileError(
        f"{path} was refused (too-large): it has over {most:,} bytes", hint="cut it into pieces"
    )
    return read_plain(path, most=most, too_large=too_large)


def lines_of(content: bytes, *, name: str) -> list[str]:
    """Every line of a file of texts, blank ones too, so that the place of a line is its number in the file.

    `\\n`, `\\r\\n` and `\\r` end a line, and nothing else. Raises ZooError for what is no UTF-8 or has only blank
    lines.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ZooError(f"{name} is no text in UTF-8: {error.reason}", hint="save it as UTF-8") from None
    if not text.strip():
        raise ZooError(f"{name} holds no text", hint="one text a line")
    lines = re.split(r"\r\n|\n|\r", text)
    return lines if lines[-1] else lines[:-1]


def read_given(recipe: InputRecipe, given: Given, *, name: str) -> Any:
    """One sample of what was given. Raises ZooError for what cannot be read."""
    return recipe.read(bytes_of(given, recipe) if isinstance(given, Path) else given, name=name)
