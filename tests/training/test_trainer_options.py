"""Recipes: trainer options that suit a model, unless something else is asked for."""

from __future__ import annotations

import dataclasses

import pytest

from zoo_core import open_zoo
from zoo_core.errors import UsageError
from zoo_core.registry import Model
from zoo_core.training.trainer_options import options_with_recipe

ZOO = open_zoo()
RECIPE = {"epochs": 30, "optimizer": "sgd", "lr": 0.05}


def _model(**recipe: object) -> Model:
    found = ZOO.model("mlp")
    return dataclasses.replace(found, spec=dataclasses.replace(found.spec, recipe=recipe or RECIPE))


def _options(given: dict[str, object]) -> dict[str, object]:
    return options_with_recipe(_model(), ZOO.trainer("supervised"), given)


def test_a_recipe_fills_in_what_nobody_asked_for() -> None:
    assert _options({}) == RECIPE
    assert _options({"lr": "0.1", "momentum": "0.5"}) == {**RECIPE, "lr": 0.1, "momentum": 0.5}
    assert _options({"optimizer": "sgd"}) == RECIPE
    assert _options({"schedule": "cosine"}) == {**RECIPE, "schedule": "cosine"}


def test_another_optimizer_leaves_nothing_of_a_recipe() -> None:
    assert _options({"optimizer": "adam"}) == {"optimizer": "adam"}
    assert _options({"optimizer": "adam", "lr": 0.001}) == {"optimizer": "adam", "lr": 0.001}


def test_a_recipe_that_the_trainer_does_not_know_is_a_fault_of_the_model() -> None:
    with pytest.raises(UsageError, match="the recipe of model mlp for trainer supervised has no option 'rate'"):
        options_with_recipe(_model(rate=1.0), ZOO.trainer("supervised"), {})


@pytest.mark.parametrize("name", sorted(entry.name for entry in ZOO.entries("model") if "/" not in entry.name))
def test_every_bundled_recipe_is_one(name: str) -> None:
    model, trainer = ZOO.model(name), ZOO.trainer("supervised")
    trainer.spec.config(**options_with_recipe(model, trainer, {}))
