"""Which files a model reads, and texts that are typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo_core.errors import UsageError
from zoo_core.pictures import SUFFIXES
from zoo_core.recipes import TABLE_SUFFIXES, recipe_spec
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.runtime.running.numbers import SUFFIXES as NUMBER_SUFFIXES

from .input_files import Found


def readable_files(model: ExportedModel) -> tuple[tuple[str, ...], str]:
    """How the names of the files end that the model reads, and what one of them is called."""
    recipes = model.recipes
    if len(model.metadata.inputs) == 1 and not recipes:
        if model.preprocess is not None:
            return tuple(SUFFIXES), "picture"
        return NUMBER_SUFFIXES, "sequence" if model.meaning.gives == "sequences" else "file of numbers"
    specs = [recipe_spec(each.recipe.name, plugin=each.recipe.plugin) for each in recipes.values()]
    own = [suffix for spec in specs for suffix in spec.suffixes] if len(model.sources) == 1 else []
    return tuple(dict.fromkeys((*own, *TABLE_SUFFIXES))), "file that the model reads"


def texts_as_inputs(model: ExportedModel, texts: Sequence[str]) -> list[Found]:
    """Texts as inputs. Raises UsageError for a model that takes none."""
    if texts and (len(model.sources) != 1 or not any(recipe.takes_text for recipe in model.recipes.values())):
        raise UsageError(f"{model.path} takes no text", hint="leave out --text; zoo info says what models take")
    return [Found(shown=text, below=Path("text"), text=text) for text in texts]
