"""Predict real files with an export, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import clear_io_errors
from zoo_core.pictures import SUFFIXES
from zoo_core.runtime.model import open_model
from zoo_core.tasks import get_task


def predict(export: str | Path, *, inputs: Sequence[str | Path], out: str | Path | None = None) -> list[dict[str, Any]]:
    """One answer for each picture: `{input, label, probability, probabilities: {label: probability}}`.

    `inputs` are picture files, and folders whose pictures are taken in the order of their names. Nothing is returned
    unless every input could be read. Raises ZooError or RefusedFileError that names the file, and UsageError for `out`
    where the task gives no pictures or arrays.
    """
    files = find_pictures(inputs)
    model = open_model(export)
    get_task(model.task)
    if out is not None:
        raise UsageError(
            f"--out is for tasks that give pictures or arrays, and {model.task} gives labels",
            hint="leave out --out; --json prints the probabilities of all classes",
        )
    return [{"input": str(file), **answer} for file, answer in zip(files, model(files), strict=True)]


def find_pictures(inputs: Sequence[str | Path]) -> list[Path]:
    """The files that `inputs` stand for. Raises ZooError for one that does not exist, or a folder without pictures."""
    found: list[Path] = []
    for given in map(Path, inputs):
        if not given.is_dir():
            with clear_io_errors("cannot read picture", given):
                given.stat()
            found.append(given)
            continue
        with clear_io_errors("cannot read folder", given):
            inside = sorted(path for path in given.iterdir() if _is_picture(path))
        if not inside:
            known = ", ".join(SUFFIXES)
            raise ZooError(f"no pictures in {given}", hint=f"files that end in {known}; folders inside it are not read")
        found += inside
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
