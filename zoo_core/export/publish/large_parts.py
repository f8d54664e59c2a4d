"""Files beside the model for what recipes have learnt, where its own words have no room for it: large vocabularies."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import DATA_FILE, MODEL_FILE, NETRON_FILE, REPORT_FILE
from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_LEARNT_BYTES
from zoo_core.files import write_atomic
from zoo_core.runtime.reading.metadata import Metadata

_TAKEN = frozenset({MODEL_FILE, DATA_FILE, REPORT_FILE, NETRON_FILE})


def with_room(metadata: Metadata) -> Metadata:
    """The metadata, of which as much as needed lies beside the file: the largest parts that recipes have learnt first.

    Equal parts share a file, which is called after the part: `tokenizer.json` is one that other programs open, too.
    Raises ZooError for metadata that have no room all the same, and for a part that is too large.
    """
    while (problem := _problem(metadata)) is not None:
        inside = {
            (name, part): _written(value)
            for name, recipe in metadata.recipes.items()
            for part, value in recipe.learnt.items()
            if part not in metadata.recipe_files.get(name, {})
        }
        if not inside:
            raise problem
        largest = max(inside.values(), key=len)
        if len(largest) > MAX_LEARNT_BYTES:
            name, part = next(key for key, content in inside.items() if content is largest)
            raise ZooError(
                f"the {part} of the input {name!r} has {len(largest):,} bytes, and {MAX_LEARNT_BYTES:,} is the most "
                "that lies beside a file",
                hint="a smaller vocabulary, for example",
            )
        metadata = _beside(metadata, [key for key, content in inside.items() if content == largest], largest)
    return metadata


def write_recipe_files(metadata: Metadata, folder: Path) -> dict[str, str]:
    """Write what lies beside the model into its folder; the sha256 of each file, by its name."""
    digests: dict[str, str] = {}
    for name, parts in metadata.recipe_files.items():
        for part, place in parts.items():
            if place["file"] not in digests:
                write_atomic(folder / place["file"], _written(metadata.recipes[name].learnt[part]))
                digests[place["file"]] = place["sha256"]
    return digests


def _problem(metadata: Metadata) -> ZooError | None:
    try:
        metadata.to_json()
    except ZooError as error:
        return error
    return None


def _beside(metadata: Metadata, keys: list[tuple[str, str]], content: bytes) -> Metadata:
    files = {name: dict(parts) for name, parts in metadata.recipe_files.items()}
    used = {place["file"] for parts in files.values() for place in parts.values()}
    place = {
        "file": next(name for name in _names(keys[0][1]) if name not in used | _TAKEN),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    for name, part in keys:
        files.setdefault(name, {})[part] = place
    return dataclasses.replace(metadata, recipe_files=files)


def _names(part: str) -> Iterator[str]:
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", part).strip("-")[:40] or "learnt"
    yield f"{stem}.json"
    yield from (f"{stem}-{number}.json" for number in itertools.count(2))


def _written(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")
