"""Inputs that recipes make of files, texts, rows and arrays that a loader gives, in the form in which they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_HASHED_BYTES
from zoo_core.files import read_plain
from zoo_core.preprocess import prepare_arrays
from zoo_core.recipes import InputRecipe, as_implementation, bytes_of, learning, read_given
from zoo_core.shapes import TensorSpec
from zoo_core.specs import DatasetSpec, Preprocess, Recipe

from .boxes import BoxTargets
from .hashing import hash_array
from .splits import ArraySplit, FileSplit, Split, arrays_of
from .target_files import TargetFiles
from .targets import targets_of
from .unreadable import ReadOneByOne

Recipes = Mapping[str, InputRecipe]


def named_recipes(
    spec: DatasetSpec, options: Mapping[str, Any], preprocess: Preprocess | None, recorded: Mapping[str, Recipe]
) -> dict[str, InputRecipe]:
    """The recipe of each input that has one, with the options of the dataset filled in; `recorded` ones come first.

    What is learnt of the training part is missing, but in those that are recorded.
    """
    given: dict[str, Recipe | Preprocess] = {} if preprocess is None else {next(iter(spec.inputs)): preprocess}
    given |= {**filled_recipes(spec, options), **{name: recorded[name] for name in spec.recipes if name in recorded}}
    return {name: as_implementation(given[name]) for name in spec.inputs if name in given}


def filled_recipes(spec: DatasetSpec, options: Mapping[str, Any]) -> dict[str, Recipe | Preprocess]:
    """The recipes that a dataset names, with the fields that its options fill in."""
    filled = {}
    for name, recipe in spec.recipes.items():
        fields = recipe.fields.keys() & options.keys() if isinstance(recipe, Recipe) else set()
        filled[name] = recipe.changed(**{key: options[key] for key in fields}) if isinstance(recipe, Recipe) else recipe
    return filled


def learnt_from(part: Split, recipes: Recipes, spec: DatasetSpec) -> dict[str, InputRecipe]:
    """The recipes with what they learn of the training part. What cannot be read is told of when it is loaded."""
    return {
        name: recipe
        if recipe.is_ready
        else learning(recipe, _readable(part, recipe, spec.source_of(name), several=len(spec.sources) > 1))
        for name, recipe in recipes.items()
    }


def _readable(part: Split, recipe: InputRecipe, source: str, *, several: bool) -> Iterator[Any]:
    for given in _given(part, source, several=several):
        try:
            yield read_given(recipe, given, name=str(given) if isinstance(given, Path) else "a training sample")
        except ZooError:
            continue


def _given(part: Split, source: str, *, several: bool) -> Iterable[Any]:
    """What a loader gives of each sample for one source."""
    if isinstance(part, FileSplit):
        return part.paths
    if isinstance(part, ArraySplit):
        return arrays_of(part)[source]
    read = part.reader(**part.arguments)
    every = (read(int(number)) for number in part.chosen)
    return (each[source] for each in every) if several else every


def as_declared(spec: TensorSpec, recipe: InputRecipe) -> TensorSpec:
    """What is declared of an input, with the sizes and the range that its recipe gives it."""
    axes = list(spec.axes)
    if recipe.shape is not None and len(recipe.shape) == len(axes) - 1:
        axes[1:] = [own if size is None else size for own, size in zip(axes[1:], recipe.shape, strict=True)]
    made = spec.with_axes(*axes)
    return made if recipe.values is None else made.with_range(*recipe.values)


def stored_input(values: NDArray[Any], spec: TensorSpec, recipe: InputRecipe | None, *, where: str) -> NDArray[Any]:
    """One input of all samples in the form in which it is kept. Raises ZooError for what cannot be read."""
    if recipe is None or (recipe.preprocess is not None and values.dtype != object):
        _check_array(values, spec, recipe is not None, where)
    if recipe is None:
        return np.ascontiguousarray(values)
    if recipe.preprocess is not None and values.dtype != object:
        return prepare_arrays(values, recipe.preprocess)
    return recipe.stack(
        [read_given(recipe, each, name=_called(each, place, where)) for place, each in enumerate(values)]
    )


def _called(given: Any, place: int, where: str) -> str:
    return str(given) if isinstance(given, Path) else f"{where}, sample {place}"


def _check_array(array: NDArray[Any], spec: TensorSpec, is_picture: bool, where: str) -> None:
    wanted = "uint8" if is_picture else spec.dtype
    if array.dtype != wanted or (is_picture and array.ndim not in {3, 4}):
        kind = "pictures are uint8 (N, H, W[, C])" if is_picture else f"arrays without preprocessing are {wanted}"
        raise ZooError(f"{where}: {kind}, not {array.dtype} of shape {array.shape}")


class ReadFiles(NamedTuple):
    """Every input made of the same files: inputs in the form in which they are kept, by name, the targets and the name
    of each sample, and the files that cannot be read."""

    inputs: Mapping[str, NDArray[Any]]
    targets: NDArray[Any]
    names: tuple[str, ...]
    bad: tuple[Path, ...]


def read_files(
    split: FileSplit, recipes: Recipes, digest: hashlib._Hash, spec: DatasetSpec, *, where: str, skip_bad: bool
) -> ReadFiles:
    """The samples of files, whose contents and targets are added to the fingerprint.

    Raises ZooError where an input is not made of the file, UnreadableFilesError as `ReadOneByOne` does.
    """
    if (
        isinstance(split.targets, TargetFiles | BoxTargets)
        or recipes.keys() != spec.inputs.keys()
        or len(spec.sources) > 1
    ):
        raise ZooError(
            f"{where}: each sample is a file, and not every input can be made of it",
            hint="ArraySplit(inputs={source: [paths]}), or one source for all recipes",
        )
    files = ReadOneByOne(split.paths, _file_reader(split, recipes, digest))
    read = list(files)
    files.check(skip=skip_bad, where=where)
    targets = np.delete(np.asarray(split.targets), [each.index for each in files.bad], axis=0)
    targets_of(spec.task).add_to(digest, targets)
    inputs = {name: recipe.stack([sample[name] for _, sample in read]) for name, recipe in recipes.items()}
    return ReadFiles(inputs, targets, tuple(name for name, _ in read), tuple(each.path for each in files.bad))


def _file_reader(
    split: FileSplit, recipes: Recipes, digest: hashlib._Hash
) -> Callable[[int], tuple[str, dict[str, Any]]]:
    """What reads a file: its name, and the sample that each recipe makes of it."""
    first = next(iter(recipes.values()))

    def read(index: int) -> tuple[str, dict[str, Any]]:
        path = split.paths[index]
        content = bytes_of(path, first)
        sample = {name: recipe.read(content, name=str(path)) for name, recipe in recipes.items()}
        digest.update(hashlib.sha256(content).digest())
        return str(path), sample

    return read


def hash_source(values: NDArray[Any], digest: hashlib._Hash) -> None:
    """Add what was read for all samples to a fingerprint, the same on every machine: the contents of files, texts,
    rows, or the numbers of arrays."""
    if values.dtype != object:
        hash_array(values, digest)
        return
    for given in values:
        if isinstance(given, Path):
            digest.update(hashlib.sha256(read_plain(given, most=MAX_HASHED_BYTES, what="data")).digest())
        elif isinstance(given, np.ndarray):
            hash_array(given, digest)
        else:
            text = given if isinstance(given, str) else json.dumps(given, sort_keys=True, default=str)
            digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
