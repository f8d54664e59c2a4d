"""What a dataset's options make of its recipe and of the shape that it declares, before anything is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo_core.errors import UsageError
from zoo_core.shapes import TensorSpec
from zoo_core.specs import DatasetSpec, Preprocess
from zoo_core.task_lookup import task_spec

# A loader with a parameter of one of these names offers the option, and the core carries it out: it changes the recipe,
# which has to be known before anything is read.
COLOR = "color"
TILES = "tiles"


def tiles_of(spec: DatasetSpec, options: Mapping[str, Any]) -> int | None:
    """The side of the tiles that pictures and masks are cut into; None when they stay whole."""
    offered = spec.preprocess is not None and task_spec(spec.task).targets in {"masks", "pictures"}
    side: int | None = options.get(TILES) if offered else None
    return side


def check_recipe_options(spec: DatasetSpec, options: Mapping[str, Any], *, where: str) -> None:
    """Raise UsageError for `size`, `tiles` and options that are axes, when they cannot be."""
    for name in dict.fromkeys(name for tensor in spec.inputs.values() for name in tensor.option_axes):
        if isinstance(options.get(name), int) and options[name] < 1:
            raise UsageError(f"{where}: {name} is at least 1, not {options[name]}", hint=f"for example -d {name}=32")
    tiles, size = tiles_of(spec, options), options["size"]
    if size is not None and spec.preprocess is None:
        raise UsageError(f"{where} has no pictures to resize, so size does not apply", hint="leave out -d size")
    if tiles is None:
        return
    if tiles < 1:
        raise UsageError(f"{where}: tiles is at least 1, not {tiles}", hint="for example -d tiles=256")
    if size is not None:
        raise UsageError(
            f"{where}: tiles are cut instead of resizing; size and tiles cannot both be given",
            hint="leave out -d size or -d tiles",
        )


def recipe_of(spec: DatasetSpec, options: Mapping[str, Any]) -> Preprocess | None:
    """The recipe in force: with the size, or without one for tiles, and in the colour that the options say."""
    recipe = spec.preprocess
    if recipe is None:
        return None
    if options["size"] is not None:
        recipe = recipe.resized(options["size"])
    elif tiles_of(spec, options) is not None:
        recipe = dataclasses.replace(recipe, resize=None, crop=None)
    color = options.get(COLOR)
    return recipe if color is None else dataclasses.replace(recipe, color=color)


def inputs_of(spec: DatasetSpec, options: Mapping[str, Any], recipe: Preprocess | None) -> dict[str, TensorSpec]:
    """The declared tensors with the dataset's own options filled in; the first one as the recipe makes it."""
    sizes = {name: value for name, value in options.items() if isinstance(value, int) and not isinstance(value, bool)}
    inputs = {name: tensor.bind(sizes) for name, tensor in spec.inputs.items()}
    first = next(iter(inputs))
    if recipe is None or len(inputs[first].axes) != 4:
        return inputs
    axes = list(inputs[first].axes)
    channel, place = (1, 2) if recipe.layout == "NCHW" else (3, 1)
    side = tiles_of(spec, options)
    size = recipe.size if side is None else (side, side)
    if size is not None:
        axes[place : place + 2] = size
    if options.get(COLOR) is not None:
        axes[channel] = recipe.channels
    inputs[first] = inputs[first].with_axes(*axes)
    return inputs
