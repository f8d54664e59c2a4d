"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.pictures import content_of, read_mask, read_picture
from zoo_core.preprocess import (
    check_same_size,
    convert_color,
    cut_tiles,
    prepare_masks,
    stack_pairs,
    stack_pictures,
)
from zoo_core.recipes import InputRecipe, as_implementation
from zoo_core.specs import DatasetSpec, Preprocess
from zoo_core.task_lookup import task_spec
from zoo_core.task_spec import TargetForm

from .recipe_inputs import hash_source, read_files, stored_input
from .splits import ArraySplit, FileSplit, MaskFiles, Split, arrays_of
from .targets import targets_of
from .unreadable import ReadOneByOne

_Pair = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]
_Named = TypeVar("_Named", tuple[str, NDArray[np.uint8]], _Pair)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: by name, in their stored form: as the recipe keeps it for those of `recipes`, for pictures uint8
    (N, C, h, w), resized once; all others as the model takes them. `targets`, of the form that the task has: class
    numbers, int64 (N,); masks, uint8 (N, h, w) or (N, L), the class number of each place after the same resizing, or
    IGNORED; flags, uint8 (N, K); numbers, float32 (N, K). `fingerprint`: sha256 of the raw content, targets and class
    names. `files`: where each sample comes from, None where it comes from no file. `skipped`: files that could not be
    read, and were left out.
    """

    inputs: Mapping[str, NDArray[Any]]
    targets: NDArray[Any]
    form: TargetForm
    classes: tuple[str, ...]
    recipes: Mapping[str, InputRecipe] = field(default_factory=dict)
    fingerprint: str
    files: tuple[str, ...] | None = None
    skipped: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        made = {name: as_implementation(recipe) for name, recipe in self.recipes.items()}
        object.__setattr__(self, "recipes", made)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def main(self) -> NDArray[Any]:
        """The first input in its stored form: what is drawn of a sample."""
        return next(iter(self.inputs.values()))

    @property
    def preprocess(self) -> Preprocess | None:
        """How the first input is made of pictures; None where it is not."""
        recipe = self.recipes.get(next(iter(self.inputs)))
        return None if recipe is None else recipe.preprocess

    @property
    def is_masked(self) -> bool:
        """Whether each place of a sample has a class of its own."""
        return self.form == "masks"

    def first(self, count: int) -> Samples:
        """So many samples, or all where there are fewer."""
        return self.at(slice(count))

    def at(self, index: slice | NDArray[np.int64]) -> Samples:
        """The samples at `index`, in that order."""
        places = range(len(self))[index] if isinstance(index, slice) else index
        return dataclasses.replace(
            self,
            inputs={name: array[index] for name, array in self.inputs.items()},
            targets=self.targets[index],
            files=self.files and tuple(self.files[place] for place in places),
        )

    def named(self, names: Mapping[str, str]) -> Samples:
        """The same samples with other inputs: `{name: the name that it has here}`, in that order."""
        return dataclasses.replace(
            self,
            inputs={name: self.inputs[own] for name, own in names.items()},
            recipes={name: self.recipes[own] for name, own in names.items() if own in self.recipes},
        )

    def batch(self, index: slice | NDArray[np.int64]) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """Model inputs of the samples at `index`: those of the only input, or by name where there are several."""
        arrays = self.arrays(index)
        return arrays if len(arrays) > 1 else next(iter(arrays.values()))

    def arrays(self, index: slice | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Model inputs of the samples at `index`, by name."""
        return {
            name: self.recipes[name].prepare(array[index]) if name in self.recipes else array[index]
            for name, array in self.inputs.items()
        }


class _Stored(NamedTuple):
    """Samples in their stored form, the file of each, and files that were left out."""

    inputs: Mapping[str, NDArray[Any]]
    targets: NDArray[Any]
    files: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()


def make_samples(
    split: Split,
    classes: tuple[str, ...],
    recipes: Mapping[str, InputRecipe],
    *,
    spec: DatasetSpec,
    where: str,
    tiles: int | None = None,
    skip_bad: bool = False,
) -> Samples:
    """Bring every sample to its stored form; pictures with masks are cut into `tiles` where a side is given.

    Files that cannot be read are left out with `skip_bad`, else UnreadableFilesError has all of them. Raises ZooError
    for contents that the dataset's recipe does not take, UsageError for `skip_bad` where no files are read one by one.
    """
    digest = hashlib.sha256()
    if isinstance(split, FileSplit):
        stored = _from_files(split, recipes, tiles, digest, spec, where, skip_bad=skip_bad)
    elif skip_bad:
        raise UsageError(
            f"{where}: skip_bad is for datasets whose samples are files of their own", hint="leave out -d skip_bad"
        )
    else:
        stored = _from_arrays(split, recipes, tiles, digest, spec, where)
    digest.update("\0".join(classes).encode())
    return Samples(
        inputs=stored.inputs,
        targets=stored.targets,
        form=task_spec(spec.task).targets,
        classes=classes,
        recipes=recipes,
        fingerprint=digest.hexdigest(),
        files=stored.files or None,
        skipped=stored.skipped,
    )


def _from_arrays(
    split: ArraySplit,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
) -> _Stored:
    arrays, targets, kind = arrays_of(split), split.targets, targets_of(spec.task)
    for source, array in arrays.items():
        if len(arrays) > 1:
            digest.update(source.encode())
        hash_source(array, digest)
    first = next(iter(spec.inputs))
    raw, recipe = arrays[spec.source_of(first)], recipes[first].preprocess if first in recipes else None
    size = raw.shape[1:3] if recipe is not None else raw.shape[2:]
    if kind.has_places and targets.shape[1:] != size:
        raise ZooError(f"{where}: masks of {_size(targets.shape[1:])} for samples of {_size(size)}")
    kind.add_to(digest, targets)
    if tiles is not None and recipe is not None:
        pixels = convert_color(raw[..., np.newaxis] if raw.ndim == 3 else raw, recipe.color)
        pairs = ((f"picture {index}", *pair) for index, pair in enumerate(zip(pixels, targets, strict=True)))
        cut, masks = stack_pairs(_cut(pairs, tiles), len(raw), recipe)
        return _Stored({first: cut}, masks)
    inputs = {
        name: stored_input(
            arrays[spec.source_of(name)],
            declared,
            recipes.get(name),
            where=where if len(spec.inputs) == 1 else f"{where}, {name!r}",
        )
        for name, declared in spec.inputs.items()
    }
    return _Stored(inputs, prepare_masks(targets, recipe) if kind.has_places and recipe is not None else targets)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "no size"


def _from_files(
    split: FileSplit,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
    *,
    skip_bad: bool,
) -> _Stored:
    name = next(iter(spec.inputs))
    if name not in recipes:
        raise ZooError(f"{where}: files need a recipe, and the dataset declares none", hint="preprocess= or recipes=")
    preprocess, kind = recipes[name].preprocess, targets_of(spec.task)
    if preprocess is None:
        files = read_files(split, recipes, digest, spec, where=where, skip_bad=skip_bad)
        return _Stored(files.inputs, files.targets, files.names, files.bad)
    names: list[str] = []
    if isinstance(split.targets, MaskFiles):
        masked = ReadOneByOne(split.paths, _mask_reader(split, split.targets, preprocess, digest))
        pairs = masked if tiles is None else _cut(masked, tiles)
        inputs, targets = stack_pairs(_noted(pairs, names), len(split), preprocess)
        masked.check(skip=skip_bad, where=where)
        digest.update(repr(sorted(split.targets.numbers.items())).encode())
        return _Stored({name: inputs}, targets, tuple(names), tuple(each.path for each in masked.bad))
    plain = ReadOneByOne(split.paths, _picture_reader(split, preprocess, digest))
    inputs = stack_pictures(_noted(plain, names), len(split), preprocess)
    plain.check(skip=skip_bad, where=where)
    kept = np.delete(split.targets, [each.index for each in plain.bad], axis=0)
    kind.add_to(digest, kept)
    return _Stored({name: inputs}, kept, tuple(names), tuple(each.path for each in plain.bad))


def _picture_reader(
    split: FileSplit, preprocess: Preprocess, digest: Any
) -> Callable[[int], tuple[str, NDArray[np.uint8]]]:
    def read(index: int) -> tuple[str, NDArray[np.uint8]]:
        path = split.paths[index]
        content = content_of(path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        digest.update(hashlib.sha256(content).digest())
        return str(path), pixels

    return read


def _mask_reader(split: FileSplit, masks: MaskFiles, preprocess: Preprocess, digest: Any) -> Callable[[int], _Pair]:
    table = np.zeros(256, np.uint8)
    table[list(masks.numbers)] = list(masks.numbers.values())
    known = np.zeros(256, np.bool_)
    known[list(masks.numbers)] = True

    def read(index: int) -> _Pair:
        path, mask_path = split.paths[index], masks.paths[index]
        content, mask_content = content_of(path), content_of(mask_path)
        pixels = read_picture(content, color=preprocess.color, name=str(path), misnamed=split.misnamed)
        values = read_mask(mask_content, name=str(mask_path))
        if not known[values].all():
            listed = ", ".join(map(str, sorted(masks.numbers)))
            raise ZooError(
                f"mask {mask_path} has the value {values[~known[values]][0]}, which stands for no class",
                hint=f"the values of these masks are {listed}; JPEG changes them, PNG does not",
            )
        mask = table[values]
        check_same_size(pixels, mask, name=str(path), mask_name=str(mask_path))
        for part in (content, mask_content):
            digest.update(hashlib.sha256(part).digest())
        return str(path), pixels, mask

    return read


def _noted(named: Iterable[_Named], names: list[str]) -> Iterator[_Named]:
    """The samples themselves; `names` gets the name of each."""
    for sample in named:
        names.append(sample[0])
        yield sample


def _cut(pairs: Iterable[_Pair], side: int) -> Iterator[_Pair]:
    for name, pixels, mask in pairs:
        both = zip(cut_tiles(pixels, side, name=name), cut_tiles(mask, side, name=name), strict=True)
        for number, (piece, mask_piece) in enumerate(both):
            yield f"{name}, tile {number}", piece, mask_piece
