"""Recipes by name."""

from __future__ import annotations

from .offer_lookup import find_offer, offering_plugin
from .recipe_spec import RecipeSpec


def recipe_spec(name: str, *, plugin: str = "") -> RecipeSpec:
    """The recipe of that name; `plugin`, `dist:entry`, is asked for one that is not bundled, else whoever offers it.

    Raises UsageError for a recipe that nobody offers, ZooError where its plugin is not installed or cannot be loaded.
    """
    spec: RecipeSpec = find_offer(
        "recipe", name, plugin=plugin, without="open_model(...).run(...) takes inputs that are prepared"
    )
    return spec


def recipe_plugin(name: str) -> str:
    """The plugin that an exported file needs for that recipe, `dist:entry`; empty for a bundled one."""
    return offering_plugin("recipe", name)
