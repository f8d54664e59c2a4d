"""A recipe, with the made-up sources that its rules are tried on."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.checks.rule import BrokenRuleError, NotApplicableError
from zoo_core.recipe_spec import Recipe, RecipeSpec
from zoo_core.recipes import InputRecipe, implemented
from zoo_core.records import counted

COUNT = 6
SEED = 5
NAME = "example"
"""What messages call a source."""


@dataclass(frozen=True, kw_only=True)
class RecipeCandidate:
    """A recipe that a plugin offers, with the defaults of its fields."""

    spec: RecipeSpec
    plugin: str
    module: str

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"recipe {self.spec.name}"

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        return self.spec.expected_failures

    def implemented(self, *, learnt: Mapping[str, Any] | None = None, **fields: Any) -> InputRecipe:
        """The implementation with other fields than the defaults."""
        return implemented(self.spec, Recipe(self.spec.name, plugin=self.plugin, learnt=learnt, **fields))

    @functools.cached_property
    def untaught(self) -> InputRecipe:
        """The implementation, with nothing learnt. Raises NotApplicableError where a field has no default."""
        if missing := [option.name for option in self.spec.options if option.required]:
            raise NotApplicableError(f"its field {missing[0]} has no default")
        return self.implemented()

    @functools.cached_property
    def sources(self) -> Sequence[Any]:
        """Some sources of different lengths. Raises NotApplicableError for a recipe that has no examples."""
        return sources_of_examples(self.untaught)

    @functools.cached_property
    def recipe(self) -> InputRecipe:
        """The implementation, with what it learns of the sources."""
        return taught(self, self.untaught)

    @property
    def samples(self) -> list[Any]:
        """The sources as they are read; nobody else has these samples, and may change them."""
        return copy.deepcopy(self._samples)

    @functools.cached_property
    def _samples(self) -> list[Any]:
        return [self.recipe.read(source, name=NAME) for source in self.sources]

    @functools.cached_property
    def made(self) -> NDArray[Any]:
        """The input for all sources. Raises BrokenRuleError where it is none."""
        made = self.recipe.prepare(self.recipe.stack(self.samples))
        if not isinstance(made, np.ndarray) or len(made) != len(self.sources):
            raise BrokenRuleError(f"of {counted(len(self.sources), 'sample')} it makes {shown(made)}")
        return made


def sources_of_examples(recipe: InputRecipe) -> Sequence[Any]:
    """The same examples each time."""
    sources = recipe.examples(COUNT, random=np.random.Generator(np.random.Philox(SEED)))
    if not sources:
        raise NotApplicableError("there is nothing to try it on: InputRecipe.examples gives no source")
    return sources


def taught(candidate: RecipeCandidate, recipe: InputRecipe) -> InputRecipe:
    """The recipe with what it learns of the examples; itself where it learns nothing."""
    if recipe.is_ready:
        return recipe
    learnt = recipe.learn([recipe.read(source, name=NAME) for source in candidate.sources])
    return implemented(candidate.spec, recipe.recipe.changed(learnt=learnt))


def shown(value: Any) -> str:
    """An array by its dtype and shape; what is none by its type."""
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
