"""What `report.json` says of the model beside it: the only witness that a file is the one that was verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import DATA_FILE, MODEL_FILE
from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_HASHED_BYTES
from zoo_core.files import sha256_of


def model_digests(report: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of the model and of the weights beside it, by name; empty where the report lists no such files."""
    files = report.get("files")
    if not isinstance(files, dict):
        return {}
    return {name: digest for name, digest in files.items() if _is_of_model(name, digest)}


def _is_of_model(name: str, digest: object) -> bool:
    return name in {MODEL_FILE, DATA_FILE} and isinstance(digest, str)


def size_of(folder: Path, names: Iterable[str]) -> int:
    """The bytes of these files of a folder together; those that are missing have none."""
    return sum(path.stat().st_size for path in (folder / name for name in names) if path.is_file())


def changed_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Those of these files whose bytes have another sha256, or that cannot be read."""
    return [name for name, digest in digests.items() if _digest(folder, name) != digest]


def _digest(folder: Path, name: str) -> str | None:
    try:
        return sha256_of(folder / name, most=MAX_HASHED_BYTES, within=folder)
    except ZooError:
        return None
