"""Recipes by name."""

from __future__ import annotations

from .offer_lookup import find_offer
from .recipe_spec import RecipeSpec

_WITHOUT = "open_model(...).run(...) takes inputs that are prepared"


def recipe_spec(name: str, *, plugin: str = "") -> RecipeSpec:
    """The recipe of that name; `plugin`, `dist:entry`, is asked for one that is not bundled, else whoever offers it.

    Raises UsageError for a recipe that nobody offers, ZooError where its plugin is not installed or cannot be loaded.
    """
    return offered_recipe(name, plugin=plugin)[0]


def offered_recipe(name: str, *, plugin: str = "") -> tuple[RecipeSpec, str]:
    """As `recipe_spec`, with the plugin that offers it, `dist:entry`; empty for a bundled recipe."""
    return find_offer("recipe", name, plugin=plugin, without=_WITHOUT)
