"""Every sample of files in memory, in its stored form: pictures, pictures with their truth, what recipes read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.preprocess import stack_pairs, stack_pictures
from zoo_core.recipes import InputRecipe
from zoo_core.specs import DatasetSpec

from .boxes import BoxTargets, in_prepared
from .file_readers import Pair, cut, pair_reader, picture_reader
from .recipe_inputs import read_files
from .splits import FileSplit
from .target_files import MaskFiles, TargetFiles
from .targets import targets_of
from .unreadable import ReadOneByOne

_Named = TypeVar("_Named", tuple[str, NDArray[np.uint8]], Pair)


class Stored(NamedTuple):
    """Samples in their stored form, the file of each, files that were left out, the sizes of pictures, (H, W), and in a
    line where samples lie."""

    inputs: Mapping[str, NDArray[Any]]
    targets: Any
    files: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()
    sizes: Sequence[tuple[int, int]] = ()
    feed: str = ""


def from_files(
    split: FileSplit,
    recipes: Mapping[str, InputRecipe],
    tiles: int | None,
    digest: Any,
    spec: DatasetSpec,
    where: str,
    *,
    skip_bad: bool,
) -> Stored:
    """The samples of files; their contents and targets are added to the fingerprint. Raises as `make_samples`."""
    name = next(iter(spec.inputs))
    if name not in recipes:
        raise ZooError(f"{where}: files need a recipe, and the dataset declares none", hint="preprocess= or recipes=")
    preprocess, kind = recipes[name].preprocess, targets_of(spec.task)
    if preprocess is None:
        files = read_files(split, recipes, digest, spec, where=where, skip_bad=skip_bad)
        return Stored(files.inputs, files.targets, files.names, files.bad)
    names: list[str] = []
    sizes: list[tuple[int, int]] = []
    if isinstance(split.targets, TargetFiles):
        both = ReadOneByOne(split.paths, pair_reader(split, split.targets, preprocess, digest, sizes))
        pairs = both if tiles is None else cut(both, tiles)
        inputs, targets = stack_pairs(_noted(pairs, names), len(split), preprocess)
        both.check(skip=skip_bad, where=where)
        if isinstance(split.targets, MaskFiles):
            digest.update(repr(sorted(split.targets.numbers.items())).encode())
        return Stored({name: inputs}, targets, tuple(names), tuple(each.path for each in both.bad), sizes)
    plain = ReadOneByOne(split.paths, picture_reader(split, preprocess, digest, sizes))
    inputs = stack_pictures(_noted(plain, names), len(split), preprocess)
    plain.check(skip=skip_bad, where=where)
    kept: Any = split.targets[np.delete(np.arange(len(split)), [each.index for each in plain.bad])]
    kind.add_to(digest, kept)
    if isinstance(kept, BoxTargets):
        kept = in_prepared(kept, np.array(sizes, np.int64).reshape(-1, 2), preprocess)
    return Stored({name: inputs}, kept, tuple(names), tuple(each.path for each in plain.bad), sizes)


def _noted(named: Iterable[_Named], names: list[str]) -> Iterator[_Named]:
    """The samples themselves; `names` gets the name of each."""
    for sample in named:
        names.append(sample[0])
        yield sample
