"""What may be given to a recipe, and the content of files on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from zoo_core.errors import RefusedFileError
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


def read_given(recipe: InputRecipe, given: Given, *, name: str) -> Any:
    """One sample of what was given. Raises ZooError for what cannot be read."""
    return recipe.read(bytes_of(given, recipe) if isinstance(given, Path) else given, name=name)
