"""Which files a model reads, and texts that are typed."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.errors import UsageError
from zoo_core.pictures import SUFFIXES
from zoo_core.recipe_lookup import recipe_spec
from zoo_core.recipe_spec import sources_of
from zoo_core.recipes import TABLE_SUFFIXES
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.runtime.running.numbers import SUFFIXES as NUMBER_SUFFIXES
from zoo_core.runtime.running.sources import CertainText
from zoo_core.tasks import get_task

from .input_files import Found


def files_read(metadata: Metadata) -> tuple[tuple[str, ...], str]:
    """How the names of the files end that a model reads, and what one of them is called.

    Raises ZooError where the plugin of its task or of a recipe is not installed.
    """
    if len(metadata.inputs) == 1 and not metadata.recipes:
        if metadata.preprocess is not None:
            return tuple(SUFFIXES), "picture"
        task = get_task(metadata.task, plugin=metadata.task_plugin, settings=metadata.task_settings)
        return NUMBER_SUFFIXES, "sequence" if task.gives == "sequences" else "file of numbers"
    specs = [recipe_spec(each.name, plugin=each.plugin) for each in metadata.recipes.values()]
    alone = len(sources_of(metadata.inputs, metadata.recipes)) == 1
    own = [suffix for spec in specs for suffix in spec.suffixes] if alone else []
    return tuple(dict.fromkeys((*own, *TABLE_SUFFIXES))), "file that the model reads"


def check_recipes(model: ExportedModel) -> None:
    """Raise ZooError where a recipe of the file cannot be used: that is told once, and of no input."""
    if model.meaning.spec.answers:
        _ = model.recipes


def texts_as_inputs(model: ExportedModel, texts: Sequence[str]) -> list[Found]:
    """Texts as inputs. Raises UsageError for a model that takes none."""
    if texts and (len(model.sources) != 1 or not any(recipe.takes_text for recipe in model.recipes.values())):
        raise UsageError(f"{model.path} takes no text", hint="leave out --text; zoo info EXPORT says what it takes")
    return [Found(shown=text, inside="text", text=CertainText(text)) for text in texts]
