"""Samples that are read one by one: where they shall lie, and what is made of them there."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError
from zoo_core.recipes import InputRecipe
from zoo_core.specs import DatasetSpec

from .boxes import BoxTargets, in_prepared
from .crew import crew_for
from .feeding import Chosen, Feeding, choose_feed
from .from_files import Stored
from .lazy_rows import LazyRows
from .preparing import Prepared, prepare_rows, read_all, row_form
from .recipe_inputs import Recipes
from .sample_readers import Asked, SampleReader
from .splits import ArraySplit, FileSplit, Split, StreamSplit
from .target_files import TargetFiles
from .targets import targets_of
from .unreadable import BadFile, check_bad


def one_by_one(
    split: Split,
    recipes: Recipes,
    spec: DatasetSpec,
    digest: Any,
    feeding: Feeding,
    *,
    where: str,
    skip_bad: bool,
) -> Stored | str:
    """The samples of a stream, and those of files that shall not lie in memory; of all others, which do, a line that
    says so, empty where there is no choice.

    Contents and targets are added to the fingerprint, as where they are read into memory. Raises UsageError for a feed
    that these samples cannot have, and as `make_samples`.
    """
    why = _only_in_memory(split, recipes, spec)
    if why or isinstance(split, ArraySplit):
        if feeding.kind in {"stored", "streamed"}:
            raise UsageError(f"{where}: feed={feeding.kind} is not possible: {why}", hint="-t feed=memory")
        return ""
    reader, asked = reader_of(split, recipes, spec), asked_of(split)
    known = _known_bytes(reader, split)
    form = None if known else row_form(reader, asked)
    chosen = choose_feed(feeding, count=len(asked), row_bytes=known or (form.itemsize if form else 0))
    if chosen.kind == "memory" and isinstance(split, FileSplit):
        return chosen.line
    crew = crew_for(reader, feeding.size)
    form = form or row_form(reader, asked)
    if chosen.kind == "memory":
        prepared = read_all(reader, asked, crew=crew, where=where, form=form)
    else:
        prepared = prepare_rows(reader, asked, stored=chosen.kind == "stored", crew=crew, where=where, form=form)
    return _samples(split, prepared, recipes, spec, digest, chosen, where=where, skip_bad=skip_bad)


def _only_in_memory(split: Split, recipes: Recipes, spec: DatasetSpec) -> str:
    """Why samples can lie nowhere else than in memory; empty where they can."""
    if isinstance(split, ArraySplit):
        return "its loader gives all samples as arrays"
    if isinstance(split.targets, TargetFiles):
        return f"its {targets_of(spec.task).called} are files, which are kept in memory with their pictures"
    if isinstance(split, FileSplit) and (recipes.keys() != spec.inputs.keys() or len(spec.sources) > 1):
        return "not every input is made of its files"
    return ""


def reader_of(split: FileSplit | StreamSplit, recipes: Recipes, spec: DatasetSpec) -> SampleReader:
    """What reads the samples of a split, here and in other processes."""
    several = len(spec.sources) > 1
    made: dict[str, InputRecipe | None] = {name: recipes.get(name) for name in spec.inputs}
    common: dict[str, Any] = {
        "recipes": made,
        "sources": {name: spec.source_of(name) for name in spec.inputs} if several else {},
        "dtypes": {name: tensor.dtype for name, tensor in spec.inputs.items()},
    }
    if isinstance(split, FileSplit):
        return SampleReader(**common, misnamed=split.misnamed)
    if opener := _found_elsewhere(split):
        return SampleReader(**common, opener=opener, arguments=split.arguments)
    return SampleReader(**common, opened=split.reader(**split.arguments))


def asked_of(split: FileSplit | StreamSplit) -> Sequence[Asked]:
    """How its samples are asked for: the path of each, or its number."""
    return [str(path) for path in split.paths] if isinstance(split, FileSplit) else split.chosen.tolist()


def _found_elsewhere(split: StreamSplit) -> str:
    """The name by which another process finds what opens a stream; empty where it cannot."""
    module, name = getattr(split.reader, "__module__", None) or "", getattr(split.reader, "__qualname__", "")
    home = sys.modules.get(module)
    if module == "__main__" or getattr(home, name, None) is not split.reader:
        return ""
    try:
        same = json.loads(json.dumps(dict(split.arguments))) == dict(split.arguments)
    except (TypeError, ValueError):
        return ""
    return f"{module}:{name}" if same else ""


def _known_bytes(reader: SampleReader, split: Split) -> int:
    """What a row of pictures takes whose size the recipe says, without a look at any; 0 for all others."""
    preprocess = [None if recipe is None else recipe.preprocess for recipe in reader.recipes.values()]
    if isinstance(split, StreamSplit) or any(each is None or each.size is None for each in preprocess):
        return 0
    return sum(each.channels * math.prod(each.size) for each in preprocess if each and each.size)


def _samples(
    split: FileSplit | StreamSplit,
    prepared: Prepared,
    recipes: Recipes,
    spec: DatasetSpec,
    digest: Any,
    chosen: Chosen,
    *,
    where: str,
    skip_bad: bool,
) -> Stored:
    names = [str(path) for path in split.paths] if isinstance(split, FileSplit) else _numbered(split)
    bad = [BadFile(index=place, path=Path(names[place]), error=error) for place, error in sorted(prepared.bad.items())]
    check_bad(bad, of=len(split), skip=skip_bad, where=where)
    for text in prepared.digests:
        digest.update(bytes.fromhex(text))
    left = np.delete(np.arange(len(split)), [each.index for each in bad])
    every: Any = split.targets
    targets = every[left]
    targets_of(spec.task).add_to(digest, targets)
    sizes = [size for size in prepared.sizes if size is not None]
    preprocess = recipes[next(iter(spec.inputs))].preprocess if next(iter(spec.inputs)) in recipes else None
    if isinstance(targets, BoxTargets) and preprocess is not None:
        targets = in_prepared(targets, np.array(sizes, np.int64).reshape(-1, 2), preprocess)
    rows = prepared.rows
    if isinstance(rows, np.ndarray):
        inputs: dict[str, Any] = {name: np.ascontiguousarray(rows[name]) for name in spec.inputs}
    else:
        numbers = np.arange(len(rows))
        inputs = {name: LazyRows(rows, name, numbers) for name in spec.inputs}
    kept = tuple(names[place] for place in left)
    return Stored(
        cast("dict[str, NDArray[Any]]", inputs), targets, kept, tuple(each.path for each in bad), sizes, chosen.line
    )


def _numbered(split: StreamSplit) -> list[str]:
    return [f"sample {number}" for number in split.chosen]
