"""A recipe and a dataset for pictures of the size that an export has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo_core.workflows.answers.prepared import bind_prepared

if TYPE_CHECKING:
    from zoo_core.data import BoundDataset
    from zoo_core.registry import Zoo
    from zoo_core.shapes import TensorSpec
    from zoo_core.specs import Preprocess


def fitting_recipe(recipe: Preprocess | None, inputs: Mapping[str, TensorSpec]) -> Preprocess | None:
    """The recipe for pictures of the height and the width that `inputs` fix; its own where they are free."""
    shapes = [spec.axes for spec in inputs.values() if len(spec.axes) == 4]
    if recipe is None or len(shapes) != 1:
        return recipe
    asked = shapes[0][2:] if recipe.layout == "NCHW" else shapes[0][1:3]
    own = recipe.size or (None, None)
    height, width = (side if isinstance(side, int) else usual for side, usual in zip(asked, own, strict=True))
    if height is None or width is None or (height, width) == own:
        return recipe
    if height == width:
        return recipe.resized(height)
    return dataclasses.replace(recipe, resize=(height, width), crop=None)


def at_sizes(dataset: BoundDataset, zoo: Zoo, inputs: Mapping[str, TensorSpec]) -> BoundDataset:
    """The dataset with its pictures resized to the height and the width that `inputs` fix."""
    recipe = fitting_recipe(dataset.preprocess, inputs)
    if recipe == dataset.preprocess:
        return dataset
    chosen = zoo.dataset(f"{dataset.plugin}/{dataset.name}")
    return bind_prepared(
        chosen,
        {},
        recipe=recipe,
        inputs=inputs,
        recipes=dataset.recorded_recipes,
        recorded=dataset.options,
        left_out=dataset.left_out,
    )
