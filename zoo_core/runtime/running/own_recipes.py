"""The recipes that a file brings along, held against what it says of its inputs before any of them is used."""

from __future__ import annotations

import math
from pathlib import Path

from zoo_core.errors import MissingExtraError, UsageError, ZooError
from zoo_core.plugin_faults import PluginFaultError
from zoo_core.recipes import InputRecipe, load_recipe
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.shapes import TensorSpec

from .faults import WrongExportError
from .outcomes import naming


def own_recipes(metadata: Metadata, path: Path) -> dict[str, InputRecipe]:
    """The recipe of each input that has one.

    Raises WrongExportError for one that is damaged, or that makes what its input does not take: no file, text or row is
    at fault then. Raises ZooError where a plugin or a library that it needs is not installed.
    """
    made = {}
    for name, recipe in metadata.recipes.items():
        try:
            made[name] = load_recipe(recipe)
        except UsageError as error:
            raise WrongExportError(f"{path}: {error.message}", hint=error.hint) from None
        except (MissingExtraError, PluginFaultError):
            raise
        except ZooError as error:
            raise naming(str(path), error) from None
        if problem := _problem(made[name], metadata.inputs[name]):
            raise WrongExportError(
                f"{path}: the recipe of input {name!r} is damaged: {problem}",
                hint="no input is at fault: bring the file back as it was exported, or export its run again",
            )
    return made


def _problem(recipe: InputRecipe, spec: TensorSpec) -> str:
    """What is wrong with a recipe, whatever it is given; empty for nothing."""
    if not recipe.is_ready:
        return "what it has learnt of the training part is missing"
    if recipe.shape is not None and not _can_be(spec, recipe.shape):
        made = ", ".join("any" if size is None else str(size) for size in recipe.shape)
        return f"it makes samples of shape ({made}), and the input is {spec}"
    if spec.is_integer and recipe.values is not None and None not in {spec.low, spec.high}:
        (least, most), (low, high) = recipe.values, (spec.low, spec.high)
        if least < (low or 0) or most > math.ceil(high or 0):
            return (
                f"it makes numbers from {least} to {most - 1}, and the input takes {low} to {math.ceil(high or 0) - 1}"
            )
    return ""


def _can_be(spec: TensorSpec, shape: tuple[int | None, ...]) -> bool:
    sizes = [axis.size for axis in spec.parsed[1:]]
    return len(sizes) == len(shape) and all(
        size is None or own is None or size == own for size, own in zip(sizes, shape, strict=True)
    )
