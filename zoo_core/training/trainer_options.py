"""The trainer options of a new run: what was asked for, what suits the model, and the trainer's own defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo_core.options import check_options
from zoo_core.registry import Model, Trainer


def options_with_recipe(model: Model, trainer: Trainer, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options, checked, and those of the model's recipe beside them.

    A recipe holds together: where another of its choices in words is asked for (another optimizer, another schedule),
    its numbers mean nothing, and nothing of it is taken. Raises UsageError for what was typed wrong.
    """
    where = f"trainer {trainer.name}"
    options = trainer.spec.options
    typed = check_options(given, options, where=where)
    recipe = check_options(model.spec.recipe, options, where=f"the recipe of model {model.name} for {where}")
    choices = {option.name for option in options if option.choices}
    if any(name in recipe and recipe[name] != value for name, value in typed.items() if name in choices):
        return typed
    return {**recipe, **typed}
