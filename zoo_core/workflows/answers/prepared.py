"""A dataset as a given model needs it: its pictures prepared by the model's recipe, its options and its splits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import UsageError, did_you_mean
from zoo_core.options import typed_value
from zoo_core.recipes import as_implementation
from zoo_core.registry import Dataset
from zoo_core.shapes import TensorSpec
from zoo_core.specs import DatasetSpec, Preprocess, Recipe


def bind_prepared(
    dataset: Dataset,
    data: Mapping[str, Any],
    *,
    recipe: Preprocess | None,
    inputs: Mapping[str, TensorSpec],
    recipes: Mapping[str, Recipe] | None = None,
    recorded: Mapping[str, Any] | None = None,
    left_out: Sequence[str] = (),
) -> BoundDataset:
    """The dataset with its pictures prepared by `recipe`, and other inputs by `recipes`, for a model of such inputs.

    Its own recipe stays where either has none, or one of another kind. `recorded`: the options that the model was
    trained with, where that was on this dataset; `data`, those that are given now, come first; `left_out` as in
    `bind_dataset`. Raises UsageError for one of them that changes what `recipes` have fixed.
    """
    # The recipe already has the size that the model was trained with.
    kept = {key: value for key, value in (recorded or {}).items() if key != "size"}
    own = _counterparts(dataset.spec, recipes or {}, inputs)
    bound = bind_dataset(_prepared(dataset, recipe, inputs), {**kept, **data}, recipes=own, left_out=left_out)
    for name, fixed in own.items():
        _check_fixed(bound, name, fixed, data)
    return bound


def _check_fixed(bound: BoundDataset, name: str, recipe: Recipe, data: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that would be without effect: the model was trained with another recipe."""
    declared = bound.spec.recipes[name]
    own = declared.fields.keys() if isinstance(declared, Recipe) else set()
    for key in sorted(data.keys() & own & recipe.fields.keys()):
        fixed, given = recipe.fields[key], bound.options[key]
        is_column = bool(fixed) and fixed == as_implementation(recipe).column  # another table may call it otherwise
        if not is_column and typed_value(fixed) != typed_value(given):
            raise UsageError(
                f"{key}={typed_value(given)} cannot be: the model was trained with {key}={typed_value(fixed)}, "
                f"as the recipe of {name!r} says",
                hint=f"leave out -d {key}",
            )


def _counterparts(
    spec: DatasetSpec, recipes: Mapping[str, Recipe], inputs: Mapping[str, TensorSpec]
) -> dict[str, Recipe]:
    """The recipes by the names that the inputs have in the dataset."""
    alone = len(spec.inputs) == len(inputs) == 1
    named = dict(zip(spec.inputs, recipes.values(), strict=False)) if alone else recipes
    return {
        name: recipe.changed(source=own.source)
        for name, recipe in named.items()
        if isinstance(own := spec.recipes.get(name), Recipe) and own.name == recipe.name
    }


def _prepared(dataset: Dataset, recipe: Preprocess | None, inputs: Mapping[str, TensorSpec]) -> Dataset:
    spec = dataset.spec
    if recipe is None or spec.preprocess is None or len(inputs) != 1:
        return dataset
    changed = dict(zip(spec.inputs, inputs.values(), strict=False))
    spec = dataclasses.replace(spec, preprocess=recipe, inputs={**spec.inputs, **changed})
    return dataclasses.replace(dataset, spec=spec)


def choose_split(bound: BoundDataset, split: str | None) -> str:
    """The split that was asked for; without one test, or validation where there is no test. Raises UsageError."""
    if split is None:
        return "test" if "test" in bound.split_names else "validation"
    if split not in bound.split_names:
        hint = did_you_mean(split, bound.split_names)
        raise UsageError(f"dataset {bound.name} has no split {split!r}", hint=hint)
    return split
