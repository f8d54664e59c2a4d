"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.preprocess import (
    convert_color,
    prepare_masks,
    prepare_truths,
    stack_pairs,
    stack_pictures,
)
from zoo_core.recipes import InputRecipe, as_implementation
from zoo_core.specs import DatasetSpec, Preprocess
from zoo_core.task_lookup import task_spec
from zoo_core.task_spec import TargetForm

from .boxes import BoxTargets, in_prepared
from .file_readers import Pair, cut, pair_reader, picture_reader, times_larger
from .raw_pictures import RawPictures
from .recipe_inputs import hash_source, read_files, stored_input
from .resized import resized
from .splits import ArraySplit, FileSplit, Split, arrays_of, names_of
from .target_files import MaskFiles, TargetFiles
from .targets import targets_of
from .unreadable import ReadOneByOne

_Named = TypeVar("_Named", tuple[str, NDArray[np.uint8]], Pair)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: by name, in their stored form: as the recipe keeps it for those of `recipes`, for pictures uint8
    (N, C, h, w), resized once; all others as the model takes them. `targets`, of the form that the task has: class
    numbers, int64 (N,); masks, uint8 (N, h, w) or (N, L), the class number of each place after the same resizing, or
    IGNORED; flags, uint8 (N, K); numbers, float32 (N, K); what outputs shall look like, uint8 (N, C, h, w) with 255
    for 1, or float32; BoxTargets in pixels of the stored pictures. `fingerprint`: sha256 of the raw content, targets
    and class names. `files`: where each sample comes from, a file or a row of one, None where nobody says. `skipped`:
    files that could not be read, and were left out. `remarks`: what is worth a line. `pictures`: as they are.
    """

    inputs: Mapping[str, NDArray[Any]]
    targets: Any
    form: TargetForm
    classes: tuple[str, ...]
    recipes: Mapping[str, InputRecipe] = field(default_factory=dict)
    fingerprint: str
    files: tuple[str, ...] | None = None
    skipped: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()
    pictures: RawPictures | None = None

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
    def collated(self) -> NDArray[Any]:
        """The targets in one array, as training takes them; boxes as `BoxTargets.padded` has them."""
        return np.asarray(self.targets.padded() if isinstance(self.targets, BoxTargets) else self.targets)

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
            pictures=self.pictures and self.pictures.at(places),
        )

    def named(self, names: Mapping[str, str]) -> Samples:
        """The same samples with other inputs: `{name: the name that it has here}`, in that order."""
        return dataclasses.replace(
            self,
            inputs={name: self.inputs[own] for name, own in names.items()},
            recipes={name: self.recipes[own] for name, own in names.items() if own in self.recipes},
        )

    def for_model(self, inputs: Iterable[str]) -> Samples:
        """The samples with those of their inputs that a model takes, in its order; an only one goes by any name.

        Raises ZooError where there is none of a name.
        """
        wanted = tuple(inputs)
        if len(wanted) == len(self.inputs) == 1:
            return self
        if missing := [name for name in wanted if name not in self.inputs]:
            raise ZooError(f"samples have the inputs {', '.join(self.inputs)}, and none is called {missing[0]!r}")
        return self.named({name: name for name in wanted})

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
    """Samples in their stored form, the file of each, files that were left out, and the sizes of pictures, (H, W)."""

    inputs: Mapping[str, NDArray[Any]]
    targets: Any
    files: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()
    sizes: Sequence[tuple[int, int]] = ()


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
        remarks=(*split.remarks, *resized(stored.sizes, recipes, spec)),
    )


def _from_arrays(
    split: ArraySplit,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
) -> _Stored:
    arrays, kind = arrays_of(split), targets_of(spec.task)
    targets: Any = split.targets
    for source, array in arrays.items():
        if len(arrays) > 1:
            digest.update(source.encode())
        hash_source(array, digest)
    first = next(iter(spec.inputs))
    raw, recipe = arrays[spec.source_of(first)], recipes[first].preprocess if first in recipes else None
    size = raw.shape[1:3] if recipe is not None else raw.shape[2:]
    factor = _fits_places(targets, size, where) if kind.has_places else 1
    kind.add_to(digest, targets)
    if tiles is not None and recipe is not None:
        pixels = convert_color(raw[..., np.newaxis] if raw.ndim == 3 else raw, recipe.color)
        truths = targets.transpose(0, 2, 3, 1) if targets.ndim == 4 else targets
        pairs = ((f"picture {index}", *pair) for index, pair in enumerate(zip(pixels, truths, strict=True)))
        pieces, truth_pieces = stack_pairs(cut(pairs, tiles), len(raw), recipe)
        return _Stored({first: pieces}, truth_pieces)
    inputs = {
        name: stored_input(
            arrays[spec.source_of(name)],
            declared,
            recipes.get(name),
            where=where if len(spec.inputs) == 1 else f"{where}, {name!r}",
        )
        for name, declared in spec.inputs.items()
    }
    if recipe is not None and isinstance(targets, BoxTargets):
        targets = in_prepared(targets, np.tile(raw.shape[1:3], (len(raw), 1)), recipe)
    elif recipe is not None and kind.has_places:
        targets = _prepared_truth(targets, recipe, factor, where)
    return _Stored(inputs, targets, names := names_of(split), sizes=[raw.shape[1:3]] * (raw.ndim > 2 and bool(names)))


def _fits_places(targets: NDArray[Any], size: tuple[int, ...], where: str) -> int:
    """How many times as large the truth is as its samples: pictures may be larger. Raises ZooError for others."""
    if targets.ndim == 4:
        if len(size) != 2:
            raise ZooError(f"{where}: true pictures are for samples that are pictures, not of {_size(size)}")
        return times_larger(targets.shape[2:], size, name=f"{where}: a true picture", than_name="a sample")
    if targets.shape[1:] != size:
        raise ZooError(f"{where}: masks of {_size(targets.shape[1:])} for samples of {_size(size)}")
    return 1


def _prepared_truth(targets: NDArray[Any], recipe: Preprocess, factor: int, where: str) -> NDArray[Any]:
    if targets.ndim < 4:
        return prepare_masks(targets, recipe)
    if targets.dtype == np.uint8:
        return prepare_truths(targets, recipe, factor=factor)
    if recipe.resize is not None or recipe.crop is not None:
        raise ZooError(
            f"{where}: true pictures of floats cannot be resized or cropped with their inputs",
            hint="give them as uint8, or declare a recipe without resize and crop",
        )
    return targets


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
    sizes: list[tuple[int, int]] = []
    if isinstance(split.targets, TargetFiles):
        both = ReadOneByOne(split.paths, pair_reader(split, split.targets, preprocess, digest, sizes))
        pairs = both if tiles is None else cut(both, tiles)
        inputs, targets = stack_pairs(_noted(pairs, names), len(split), preprocess)
        both.check(skip=skip_bad, where=where)
        if isinstance(split.targets, MaskFiles):
            digest.update(repr(sorted(split.targets.numbers.items())).encode())
        return _Stored({name: inputs}, targets, tuple(names), tuple(each.path for each in both.bad), sizes)
    plain = ReadOneByOne(split.paths, picture_reader(split, preprocess, digest, sizes))
    inputs = stack_pictures(_noted(plain, names), len(split), preprocess)
    plain.check(skip=skip_bad, where=where)
    kept: Any = split.targets[np.delete(np.arange(len(split)), [each.index for each in plain.bad])]
    kind.add_to(digest, kept)
    if isinstance(kept, BoxTargets):
        kept = in_prepared(kept, np.array(sizes, np.int64).reshape(-1, 2), preprocess)
    return _Stored({name: inputs}, kept, tuple(names), tuple(each.path for each in plain.bad), sizes)


def _noted(named: Iterable[_Named], names: list[str]) -> Iterator[_Named]:
    """The samples themselves; `names` gets the name of each."""
    for sample in named:
        names.append(sample[0])
        yield sample
