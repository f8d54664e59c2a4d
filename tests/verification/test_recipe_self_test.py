"""Sources that travel in the file: a recipe that makes something else of them than at the export is noticed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_core import Recipe, TensorSpec
from zoo_core.recipes import learning, load_recipe
from zoo_core.verification.expect.recipe_test import MAX_SOURCES_BYTES, check_recipes, recipe_tests

TEXTS = ["the cat sat", "the dog sat", "a cat ran"]
ROWS = [{"age": str(age), "size": "3", "city": city} for age, city in enumerate(("oslo", "rome", "oslo", "rome"))]


def learnt(name: str, samples: Any, **fields: Any) -> Recipe:
    return learning(load_recipe(Recipe(name, **fields)), samples).recipe


RECIPES: dict[str, Callable[[], Recipe]] = {
    "waveform": lambda: Recipe("waveform", seconds=0.02),
    "spectrogram": lambda: Recipe("waveform", rate=8000, seconds=0.1, mel=20),
    "tokens": lambda: learnt("text", TEXTS, length=6, least=1),
    "mask": lambda: learnt("text", TEXTS, length=6, least=1, gives="mask"),
    "numbers": lambda: learnt("table", ROWS),
    "categories": lambda: learnt("table", ROWS, gives="categories"),
    "array": lambda: Recipe("array", multiple=4),
    "picture": lambda: load_recipe(Recipe("picture", resize=(8, 8))).recipe,
}


def outcome(test: Any, recipe: Recipe, spec: TensorSpec | None = None) -> tuple[str, str]:
    spec = spec or TensorSpec("N", *"ABCDE"[: len(test["shape"]) - 1])
    (found,) = check_recipes({"recipes": {"x": test}}, {"x": recipe}, {"x": spec})
    assert found.rule == "recipes"
    return found.outcome, found.detail


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_recipe_passes(name: str) -> None:
    recipe = RECIPES[name]()
    tests = recipe_tests({"x": recipe})
    assert outcome(json.loads(json.dumps(tests["x"])), Recipe.from_json(recipe.to_json())) == (
        "passed",
        "the recipe of 'x' makes the same input of its examples",
    )
    assert len(json.dumps(tests["x"]["sources"])) <= MAX_SOURCES_BYTES + 100
    assert len(set(tests["x"]["expected"])) > 1


def with_vocabulary(recipe: Recipe, change: Callable[[dict[str, int]], dict[str, int]]) -> Recipe:
    data = recipe.to_json()
    model = data["learnt"]["tokenizer"]["model"]
    model["vocab"] = change(model["vocab"])
    return Recipe.from_json(data)


CHANGES: dict[str, tuple[str, Callable[[Recipe], Recipe]]] = {
    "another rate": ("spectrogram", lambda recipe: recipe.changed(rate=7000)),
    "other bands": ("spectrogram", lambda recipe: recipe.changed(low_hz=100.0)),
    "another length": ("waveform", lambda recipe: recipe.changed(seconds=0.04)),
    "tokens off by one": (
        "tokens",
        lambda recipe: with_vocabulary(
            recipe, lambda known: {word: number + (number > 1) for word, number in known.items()}
        ),
    ),
    "two words exchanged": (
        "tokens",
        lambda recipe: with_vocabulary(recipe, lambda known: {**known, "cat": known["the"], "the": known["cat"]}),
    ),
    "another deviation": (
        "numbers",
        lambda recipe: recipe.changed(
            learnt={**recipe.learnt, "std": [1.001 * recipe.learnt["std"][0], *recipe.learnt["std"][1:]]}
        ),
    ),
    "another mean": (
        "numbers",
        lambda recipe: recipe.changed(learnt={**recipe.learnt, "mean": recipe.learnt["mean"][::-1]}),
    ),
    "categories exchanged": (
        "categories",
        lambda recipe: recipe.changed(learnt={**recipe.learnt, "values": [recipe.learnt["values"][0][::-1]]}),
    ),
    "another side": ("array", lambda recipe: recipe.changed(side="begin")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_recipe_is_noticed_by_what_it_makes(change: str) -> None:
    name, made = CHANGES[change]
    recipe = load_recipe(RECIPES[name]()).recipe
    # That it is another one, the seal of the file tells, too; a library may do the same things differently.
    found, told = outcome(recipe_tests({"x": recipe})["x"], made(recipe))
    assert found == "failed"
    assert told.startswith("of its examples the recipe of 'x' makes ")


@pytest.mark.parametrize(
    "damage",
    [
        {"sources": []},
        {"sources": [5]},
        {"sources": {}},
        {"positions": []},
        {"positions": [0, "a"]},
        {"positions": [10**9, 1]},
        {"expected": [1.0, None]},
        {"sources": [{"bytes": "&&&"}]},
        {"sources": [{"bytes": 5}]},
        {"sources": [{"row": 5}]},
        {"sources": [{"array": [[1], 2], "dtype": "float32"}]},
        {"sources": [{"array": [1], "dtype": "float99"}]},
        {"sources": [{"text": {}}]},
        {"sources": [{}]},
    ],
)
def test_a_damaged_test_fails_in_words(damage: dict[str, Any]) -> None:
    recipe = RECIPES["waveform"]()
    test = recipe_tests({"x": recipe})["x"]
    test = {**test, "positions": test["positions"][:2], "expected": test["expected"][:2]}
    assert outcome(test, recipe)[0] == "passed"
    found, told = outcome({**test, **damage}, recipe)
    assert found == "failed"
    assert "'x'" in told
    if damage.get("sources") == [{}]:
        assert told == "the recipe of 'x' does not take its own examples: one of them is damaged"


def test_an_input_that_cannot_be_is_not_even_made() -> None:
    recipe = Recipe("waveform", rate=100_000, seconds=600.0)
    test = recipe_tests({"x": RECIPES["waveform"]()})["x"]
    found = outcome(test, recipe, TensorSpec("N", 1, 320))
    assert found == ("failed", "the recipe of 'x' makes the shape (1, 60000000), and the input is (N, 1, 320)")


def test_what_cannot_be_looked_at_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["tokens"]()
    tests, specs = recipe_tests({"x": recipe}), {"x": TensorSpec("N", 6)}
    (older,) = check_recipes(None, {"x": recipe}, specs)
    assert (older.outcome, older.detail) == ("skipped", "the file has no example for 'x'")
    (gone,) = check_recipes({"recipes": tests}, {}, specs)
    assert (gone.outcome, gone.detail) == ("failed", "the recipe of 'x' is gone")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    found, told = outcome(tests["x"], recipe)
    assert found == "skipped"
    assert "needs the package 'tokenizers', which is not installed" in told
    absent = Recipe("sonar", plugin="zoo-deep:sonar")
    found, told = outcome(tests["x"], absent)
    assert found == "skipped"
    assert "comes from plugin zoo-deep:sonar, which is not installed" in told


CODE = """
from zoo_core import RecipeSpec, hookimpl


def load():
    from .tried import Tried

    return Tried()


@hookimpl
def zoo_recipes():
    yield RecipeSpec(name="tried", summary="letters", load=load)
"""
IMPLEMENTATION = """
import numpy as np
from zoo_core.recipes import InputRecipe


class Tried(InputRecipe):
    takes_text = True

    def read(self, source, *, name):
        return np.array([len(source)], np.int64)
"""


def test_a_plugin_that_changes_what_it_makes_is_noticed(
    fake_distribution: Any, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"__init__.py": CODE, "tried.py": IMPLEMENTATION}
    folder = fake_distribution("zoo-changing", files=files, entries={"tried": "zoo_changing"})
    monkeypatch.syspath_prepend(site)
    recipe = Recipe("tried", plugin="zoo-changing:tried")
    test = recipe_tests({"x": recipe})["x"]
    assert outcome(test, recipe)[0] == "passed"
    (folder / "tried.py").write_text(IMPLEMENTATION.replace("len(source)", "len(source) + 1"))
    for name in [name for name in sys.modules if name.startswith("zoo_changing")]:
        del sys.modules[name]
    assert outcome(test, recipe) == (
        "failed",
        "of its examples the recipe of 'x' makes numbers that are off by 1; 0 is allowed",
    )
