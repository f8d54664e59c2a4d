"""The trainer options of a new run: what was asked for, what suits the model, and the trainer's own defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo_core.options import check_options
from zoo_core.registry import Model, Trainer

DEFAULT_TRAINER = "supervised"
"""The trainer that a model's own recipe is for."""

SAME_BITS_OPTIONS = ("checkpoint_every", "feed", "workers", "shard", "export_best")
"""Options that say how a training is saved and exported and where samples and parameters lie, and nothing of what is
computed: a run may go on with others than it began with."""


def usual_options(model: Model, trainer: Trainer, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What the options of a trainer are where nobody types any but its choices in words, as they are in `chosen`."""
    choices = {option.name for option in trainer.spec.options if option.choices}
    recipe = model.spec.recipe if trainer.name == DEFAULT_TRAINER else {}
    if any(name in choices and chosen.get(name) != value for name, value in recipe.items()):
        recipe = {}
    usual = {**{option.name: option.default for option in trainer.spec.options}, **recipe}
    typed = {name: chosen[name] for name in choices if name in chosen}
    # What is none by default, a trainer may make a number of by its choices.
    made = dataclasses.asdict(trainer.spec.config(**{**usual, **typed}))
    return {**made, **{name: usual[name] for name in choices}}


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
