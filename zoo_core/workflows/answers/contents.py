"""What is told and written of an answer: its row, which file, and its content."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.pictures import read_picture
from zoo_core.tasks import Task

from .shown import mask_png, npy_bytes, picture_png, sequence_csv, sequence_png

Contents = dict[Path, bytes | str]
Row = dict[str, Any]


def array_contents(array: NDArray[Any], target: Path, *, masks: bool) -> Contents:
    """The file of a mask, a picture or an array."""
    if target.suffix.lower() == ".npy":
        return {target: npy_bytes(array)}
    return {target: mask_png(array) if masks else picture_png(array)}


def drawing(task: Task, answer: Mapping[str, Any], picture: Path, target: Path, *, labels: tuple[str, ...]) -> Contents:
    """An answer drawn into its picture, which is read once more: pictures are large, and many are held."""
    if not picture.is_file():
        return {}
    return {target: task.draw(answer, read_picture(picture, color="RGB"), labels=labels)}


def sequence_contents(answer: Mapping[str, NDArray[Any]], target: Path, labels: tuple[str, ...]) -> Contents:
    """The file of a sequence, and a drawing beside it where it can be drawn."""
    mask, values = answer["mask"], answer["values"]
    if target.suffix.lower() == ".npy":
        return {target: npy_bytes(mask)}
    table = sequence_csv(values, mask, answer["probability"])
    drawn = sequence_png(values, mask, labels)
    return {target: table} if drawn is None else {target: table, target.with_suffix(".png"): drawn}


def stacked(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    """Arrays of all inputs in one. Raises ZooError where their shapes differ."""
    for array, name in zip(arrays, names, strict=True):
        if array.shape != arrays[0].shape:
            raise ZooError(
                f"the outputs differ in shape: {array.shape} for {name}, {arrays[0].shape} for {names[0]}",
                hint="give --out a folder: then each input gets a file of its own",
            )
    return np.stack(arrays)


def bad_row(name: str, error: ZooError) -> Row:
    """The row of an input that has no answer."""
    hint = error.command_hint
    return {"input": name, "error": f"{error.message} ({hint})" if hint else error.message}


def best_of(answer: Mapping[str, Any], top: int | None) -> Row:
    """An answer with the `top` likeliest labels, all of them for None."""
    if top is None:
        return dict(answer)
    return {**answer, "probabilities": dict(itertools.islice(answer["probabilities"].items(), top))}
