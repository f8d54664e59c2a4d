"""What is said of pictures that are brought to a size that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo_core.recipes import InputRecipe
from zoo_core.specs import DatasetSpec

from .recipe_options import TILES


def resized(sizes: Sequence[tuple[int, int]], recipes: Mapping[str, InputRecipe], spec: DatasetSpec) -> tuple[str, ...]:
    """A sentence where pictures of sizes (H, W) are resized to the size of the dataset's own recipe; else nothing.

    A picture of the size that was asked for (`-d size`) needs no word, and one that the zoo brings along neither.
    """
    first = next(iter(spec.inputs))
    recipe = recipes[first].preprocess if first in recipes else None
    if recipe is None or recipe.resize is None or recipe.size is None or spec.preprocess is None:
        return ()
    if recipe.size != spec.preprocess.size or set(sizes) <= {recipe.size}:
        return ()
    height, width = recipe.size
    cut = " and cut" if recipe.crop is not None else ""
    stretched = "" if cut or all(h * width == w * height for h, w in sizes) else ", whatever their proportions"
    tiles = (
        f", -d {TILES}=N cuts them into pieces instead" if any(each.name == TILES for each in spec.own_options) else ""
    )
    return (
        f"Pictures of {_span(sizes)} pixels (width x height) are resized{cut} to {width} x {height}{stretched}; "
        f"-d size=N makes them N x N{tiles}",
    )


def _span(sizes: Sequence[tuple[int, int]]) -> str:
    """The sizes in words, the smallest and the largest where they are several."""
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    shown = ordered if len(ordered) < 2 else (ordered[0], ordered[-1])
    return " to ".join(f"{width} x {height}" for height, width in shown)
