"""Samples ready for use: stored small, made into model inputs batch by batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.preprocess import convert_color, prepare_masks, prepare_truths, stack_pairs
from zoo_core.recipes import InputRecipe, as_implementation
from zoo_core.specs import DatasetSpec, Preprocess
from zoo_core.task_lookup import task_spec
from zoo_core.task_spec import TargetForm

from .boxes import BoxTargets, in_prepared
from .feeding import Feeding
from .file_readers import cut, times_larger
from .from_files import Stored, from_files
from .lazy_rows import chosen_rows
from .one_by_one import one_by_one
from .raw_pictures import RawPictures
from .recipe_inputs import hash_source, stored_input
from .resized import resized
from .splits import ArraySplit, FileSplit, Split, StreamSplit, arrays_of, names_of
from .targets import targets_of


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of one split.

    `inputs`: by name, in their stored form: as the recipe keeps it for those of `recipes`, for pictures uint8
    (N, C, h, w), resized once; all others as the model takes them. `targets`, of the form that the task has: class
    numbers, int64 (N,); masks, uint8 (N, h, w) or (N, L), the class number of each place after the same resizing, or
    IGNORED; flags, uint8 (N, K); numbers, float32 (N, K); what outputs shall look like, uint8 (N, C, h, w) with 255
    for 1, or float32; BoxTargets in pixels of the stored pictures. `fingerprint`: sha256 of the raw content, targets
    and class names. `files`: where each sample comes from, a file or a row of one, None where nobody says. `skipped`:
    files that could not be read, and were left out. `remarks`: what is worth a line before they are trained on. `feed`:
    where they lie, in a line; empty for what a loader gives in memory. Inputs that are not in memory are `LazyRows`,
    which are indexed as arrays are, and read what they are asked for. `pictures`: as they are, for who prepares them
    himself.
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
    feed: str = ""
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
            inputs={name: chosen_rows(array, index) for name, array in self.inputs.items()},
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


def make_samples(
    split: Split,
    classes: tuple[str, ...],
    recipes: Mapping[str, InputRecipe],
    *,
    spec: DatasetSpec,
    where: str,
    tiles: int | None = None,
    skip_bad: bool = False,
    feeding: Feeding | None = None,
) -> Samples:
    """Bring every sample to its stored form; pictures with masks are cut into `tiles` where a side is given.

    Files that cannot be read are left out with `skip_bad`, else UnreadableFilesError has all of them. `feeding`: where
    samples shall lie. Raises ZooError for contents that the dataset's recipe does not take, UsageError for `skip_bad`
    where no files are read one by one, and for a feed that these samples cannot have.
    """
    digest = hashlib.sha256()
    stored = one_by_one(split, recipes, spec, digest, feeding or Feeding(), where=where, skip_bad=skip_bad)
    if isinstance(stored, str):
        read = _in_memory(split, recipes, tiles, digest, spec, where, skip_bad=skip_bad)
        stored = read._replace(feed=stored)
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
        feed=stored.feed,
    )


def _in_memory(
    split: Split,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
    *,
    skip_bad: bool,
) -> Stored:
    if isinstance(split, FileSplit):
        return from_files(split, recipes, tiles, digest, spec, where, skip_bad=skip_bad)
    if isinstance(split, StreamSplit):
        raise TypeError("streams are read one by one")
    if skip_bad:
        raise UsageError(
            f"{where}: skip_bad is for datasets whose samples are files of their own", hint="leave out -d skip_bad"
        )
    return _from_arrays(split, recipes, tiles, digest, spec, where)


def _from_arrays(
    split: ArraySplit,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
) -> Stored:
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
        return Stored({first: pieces}, truth_pieces)
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
    return Stored(inputs, targets, names := names_of(split), sizes=[raw.shape[1:3]] * (raw.ndim > 2 and bool(names)))


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
