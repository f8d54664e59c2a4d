"""What a dataset or a model declares of an input, as an implementation."""

from __future__ import annotations

from zoo_core.picture_recipe import Preprocess
from zoo_core.recipe_spec import Recipe

from .picture import PictureRecipe
from .recipe import InputRecipe, load_recipe


def as_implementation(recipe: InputRecipe | Recipe | Preprocess) -> InputRecipe:
    """The implementation of a recipe that a dataset names, or of the preprocessing of its pictures."""
    if isinstance(recipe, InputRecipe):
        return recipe
    return load_recipe(recipe) if isinstance(recipe, Recipe) else PictureRecipe(recipe)
