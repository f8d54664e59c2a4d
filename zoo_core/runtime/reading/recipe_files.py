"""What recipes have learnt that is too much for the file's own words, such as a large vocabulary: it lies beside it.

The words name the file and its sha256, so that whatever vouches for the words vouches for what is read here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from zoo_core.bounded_json import load_json
from zoo_core.file_limits import MAX_LEARNT_BYTES
from zoo_core.files import read_plain
from zoo_core.recipe_spec import Recipe

from .wire import refused

RecipeFiles: TypeAlias = Mapping[str, Mapping[str, Mapping[str, str]]]
"""`{input: {part of what its recipe has learnt: {file, sha256}}}`."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def checked_recipe_files(data: Any, recipes: Mapping[str, Recipe]) -> RecipeFiles:
    """The same data, once they are what the zoo writes: plain names of files, and hashes, for parts that recipes lack.

    Raises ValueError that says in words what is wrong with them.
    """
    for name, parts in data.items():
        if name not in recipes:
            raise ValueError(f"recipe_files: there is no recipe of {name!r}")
        if not isinstance(parts, dict) or not parts:
            raise ValueError(f"recipe_files: those of {name!r} are not an object")
        for part, place in parts.items():
            if part in recipes[name].learnt:
                raise ValueError(f"recipe_files: {part!r} of {name!r} is in the file, too")
            if not isinstance(place, dict) or place.keys() != {"file", "sha256"}:
                raise ValueError(f"recipe_files: {part!r} of {name!r} is not named by its file and its sha256")
            for key, pattern in (("file", _NAME), ("sha256", _DIGEST)):
                if not isinstance(place[key], str) or not pattern.fullmatch(place[key]):
                    raise ValueError(f"recipe_files: the {key} of {part!r} cannot be {str(place[key])[:60]!r}")
    found: RecipeFiles = data
    return found


def with_recipe_files(recipes: Mapping[str, Recipe], files: RecipeFiles, *, path: Path) -> dict[str, Recipe]:
    """The recipes with all that they have learnt; `path` is the .onnx file beside which the rest of it lies.

    Raises RefusedFileError for a file that is missing, too large, reached by a link that leads out, or other than at
    the export: nothing of it is used then.
    """
    read: dict[tuple[str, str], Any] = {}
    whole = dict(recipes)
    for name, parts in files.items():
        learnt = dict(recipes[name].learnt)
        for part, place in parts.items():
            key = (place["file"], place["sha256"])
            if key not in read:
                read[key] = _content(path, *key, what=f"the {part} of its input {name!r}")
            learnt[part] = read[key]
        whole[name] = recipes[name].changed(learnt=learnt)
    return whole


def _content(path: Path, file: str, sha256: str, *, what: str) -> Any:
    place = path.parent / file
    if not place.exists():
        raise refused(
            path,
            "recipe-file-missing",
            f"{what} should be in {place}, which is missing",
            hint=f"copy {file} along with the .onnx file, or the whole folder of the export",
        )
    content = read_plain(place, most=MAX_LEARNT_BYTES, within=path.parent)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise refused(
            path,
            "recipe-file-changed",
            f"{what} is in {place}, which is not the file of the export",
            hint=f"do not use it; bring back the {file} that was exported together with it",
        )
    try:
        return load_json(content, unique_keys=True)
    except ValueError as error:
        raise refused(path, "recipe-file-damaged", f"{place} cannot be read: {error}") from None
