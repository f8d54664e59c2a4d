"""Predict real files with an export, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import clear_io_errors
from zoo_core.pictures import SUFFIXES
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.sequences import SUFFIXES as SEQUENCE_SUFFIXES
from zoo_core.tasks import Task, get_task

from .predicted import Stage, Targets, staged, targets_for
from .shown import mask_png, npy_bytes, picture_png, sequence_csv, sequence_png


def predict(
    export: str | Path,
    *,
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    isolated: Isolated = None,
) -> list[dict[str, Any]]:
    """One answer for each input: `{input, label, probability, probabilities: {label: probability}}` of a picture.

    Masks, sequences, filtered pictures and features are written to files: `{input, file, shape}`, where `shape` is that
    of what the file holds; a sequence that could be drawn also has its `picture`. `inputs` are files, and folders whose
    files are taken in the order of their names; `out` is a folder or a file, see `targets_for`. Nothing is returned or
    written unless every input could be read. `isolated`: as in `open_model`. Raises ZooError or RefusedFileError that
    names the file, and UsageError for `out` where the task gives labels.
    """
    model = open_model(export, isolated=isolated)
    task = get_task(model.task)
    if task.gives == "sequences":
        files = find_files(inputs, suffixes=SEQUENCE_SUFFIXES, what="sequence")
    else:
        files = find_files(inputs, suffixes=tuple(SUFFIXES), what="picture")
    if task.gives == "labels":
        if out is not None:
            raise UsageError(
                f"--out is for tasks that give pictures or arrays, and {model.task} gives labels",
                hint="leave out --out; --json prints the probabilities of all classes",
            )
        return [{"input": str(file), **answer} for file, answer in zip(files, model.answers(files), strict=True)]
    outputs = tuple(model.metadata.outputs) if task.gives in {"arrays", "pictures"} else ("mask",)
    targets = targets_for(files, gives=task.gives, outputs=outputs, out=None if out is None else Path(out))
    with staged(targets.folder) as stage:
        return _write(model, task, files, targets, stage)


def _write(
    model: ExportedModel, task: Task, files: Sequence[Path], targets: Targets, stage: Stage
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    stacks: dict[str, list[NDArray[Any]]] = {}
    for source, named, answer in zip(files, targets.files, model.answers(files), strict=True):
        for output, target in named.items():
            if targets.stacked:
                stacks.setdefault(output, []).append(answer[output])
                row: dict[str, Any] = {"file": str(target), "shape": [len(files), *answer[output].shape]}
            elif task.gives == "sequences":
                row = _write_sequence(answer, target, model.labels, stage)
            else:
                row = _write_array(answer[output], target, masks=task.gives == "masks", stage=stage)
            rows.append({"input": str(source), **row})
    for output, arrays in stacks.items():
        stage.write(targets.files[0][output], npy_bytes(_stacked(arrays, files)))
    return rows


def _write_array(array: NDArray[Any], target: Path, *, masks: bool, stage: Stage) -> dict[str, Any]:
    if target.suffix.lower() == ".npy":
        stage.write(target, npy_bytes(array))
    else:
        stage.write(target, mask_png(array) if masks else picture_png(array))
    return {"file": str(target), "shape": list(array.shape)}


def _write_sequence(
    answer: Mapping[str, NDArray[Any]], target: Path, labels: tuple[str, ...], stage: Stage
) -> dict[str, Any]:
    mask, values = answer["mask"], answer["values"]
    row: dict[str, Any] = {"file": str(target), "shape": list(mask.shape)}
    if target.suffix.lower() == ".npy":
        stage.write(target, npy_bytes(mask))
        return row
    stage.write(target, sequence_csv(values, mask, answer["probability"]))
    drawn = sequence_png(values, mask, labels)
    if drawn is None:
        return row
    picture = target.with_suffix(".png")
    stage.write(picture, drawn)
    return {**row, "picture": str(picture)}


def _stacked(arrays: Sequence[NDArray[Any]], files: Sequence[Path]) -> NDArray[Any]:
    for array, file in zip(arrays, files, strict=True):
        if array.shape != arrays[0].shape:
            raise ZooError(
                f"the outputs differ in shape: {array.shape} for {file}, {arrays[0].shape} for {files[0]}",
                hint="give --out a folder: then each input gets a file of its own",
            )
    return np.stack(arrays)


def find_files(inputs: Sequence[str | Path], *, suffixes: tuple[str, ...], what: str) -> list[Path]:
    """The files that `inputs` stand for. Raises ZooError for one that does not exist, or a folder without any."""
    found: list[Path] = []
    for given in map(Path, inputs):
        if not given.is_dir():
            with clear_io_errors(f"cannot read {what}", given):
                given.stat()
            found.append(given)
            continue
        with clear_io_errors("cannot read folder", given):
            inside = sorted(path for path in given.iterdir() if _is_input(path, suffixes))
        if not inside:
            known = ", ".join(suffixes)
            raise ZooError(f"no {what}s in {given}", hint=f"files that end in {known}; folders inside it are not read")
        found += inside
    return found


def _is_input(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
