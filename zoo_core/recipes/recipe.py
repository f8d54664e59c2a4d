"""The interface of a recipe: what its plugin implements, and what everybody else asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.answerable import Owner, answerable
from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_NUMBERS_BYTES
from zoo_core.options import check_options
from zoo_core.picture_recipe import Preprocess
from zoo_core.recipe_lookup import offered_recipe
from zoo_core.recipe_spec import Recipe, RecipeSpec

from .made_up import made_up_sources
from .recipe_results import CHECKS


class InputRecipe:
    """How one thing that people have becomes one input; a recipe overrides what it has.

    Training, verification, evaluation and prediction all go this way, and no other: `read` makes a sample of what was
    given, `stack` makes an array of some of them, which is kept, and `prepare` makes the input of it, batch by batch.

    `takes_text`: what is given as a text is the text itself, not a path. `takes_rows`: it reads rows of tables.
    `has_several`: a file holds several samples. `most_bytes`: the largest file that is read. `learns`: a part of it
    comes from the training samples, and from no other. `column`: of a table, the one that holds it, where that does not
    have the name of its source. `preprocess`: that of a picture; None for everything else.
    """

    takes_text: ClassVar[bool] = False
    takes_rows: ClassVar[bool] = False
    has_several: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    most_bytes: ClassVar[int] = MAX_NUMBERS_BYTES
    preprocess: Preprocess | None = None
    column: str = ""
    recipe: Recipe
    """What this is the implementation of; set by `load_recipe`."""
    suffixes: tuple[str, ...] = ()
    """How the names of files end that it reads, as its RecipeSpec says; set by `load_recipe`."""

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """The axes of the input after the batch, None for one that is not known before samples are read; or None."""
        return None

    @property
    def values(self) -> tuple[float, float] | None:
        """The range of values as `TensorSpec` has it, half-open for integers; None where nothing is known of it."""
        return None

    @property
    def is_ready(self) -> bool:
        """Whether everything is learnt that is to be learnt."""
        return not self.learns or bool(self.recipe.learnt)

    def learn(self, samples: Iterable[Any]) -> Mapping[str, Any]:
        """What is taken from the training samples, as `read` gives them: plain JSON. For a recipe that `learns`."""
        return {}

    def use(self, learnt: Mapping[str, Any]) -> None:
        """Take what was learnt before. Called once, before anything is stacked. Raises ZooError for what is not so."""

    def samples_in(self, content: bytes, *, name: str) -> Sequence[Any]:
        """What a file holds, each part as `read` takes it: the content itself, or where it `has_several`, all of them.

        The place of a part is its number in answers. A part that cannot be read may be a ZooError, which fails it
        alone. Raises ZooError that says `name` for what is wrong with the whole file.
        """
        return [content]

    def from_cell(self, text: str, folder: Path) -> Any:
        """What a cell of a table stands for: a file, by its path from the table's folder on; or the text itself."""
        return text if self.takes_text else folder / text

    def read(self, source: Any, *, name: str) -> Any:
        """One sample, of the content of a file (bytes), a text, a row of a table, or an array; `name` is for messages.

        Raises ZooError for what cannot be read.
        """
        raise NotImplementedError

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """The columns without which no row of a table can be read; of a table that lacks one no row is tried."""
        return ()

    def unknown_in(self, sample: Any) -> Sequence[str]:
        """The columns of a sample, as `read` gives it, whose values training has not seen, or hardly: they count as
        unknown, and `zoo predict` tells of them."""
        return ()

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """Samples as `read` gives them in one array (N, ...), in which they are kept; padded where they differ."""
        return np.stack(samples)

    def prepare(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The input of the model: what `stack` gave, or some rows of it, in the declared dtype and shape."""
        return stored

    def examples(self, count: int, *, random: np.random.Generator) -> Sequence[Any]:
        """So many sources that `read` takes, made up: for the rules of conformance and the test that files carry.

        Texts and rows for a recipe that takes them, else files of a kind that its suffixes name: WAV, .npy, .txt, PNG,
        JPEG or BMP. A recipe of other files overrides this; so does one that learns, as soon as it is ready, with
        sources in which what it has learnt occurs. None: there is nothing to try it on.
        """
        return made_up_sources(
            self.suffixes, takes_text=self.takes_text, takes_rows=self.takes_rows, count=count, random=random
        )

    def in_words(self, stored: NDArray[Any]) -> str:
        """A stored sample, a row of what `stack` gave, for people: what a picture of samples shows of a text or of a
        row of a table, a line for each fact. Empty for what is drawn: pictures, and lines of numbers."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """The recipe with all that it has learnt, as it goes into a run and a file."""
        return self.recipe.to_json()


def load_recipe(recipe: Recipe) -> InputRecipe:
    """The implementation of a recipe. What the code of a plugin that is not bundled raises there, or gives wrongly, is
    a ZooError that names the plugin.

    Raises UsageError for an unknown name or wrong fields, ZooError where its plugin is not installed or its learnt part
    is damaged.
    """
    spec, plugin = offered_recipe(recipe.name, plugin=recipe.plugin)
    if not plugin:
        return implemented(spec, recipe)
    owner = Owner(called=f"recipe {recipe.name}", plugin=plugin, checks=CHECKS)
    with owner.answering("load"):
        made = implemented(spec, recipe.changed(plugin=plugin))
    return answerable(made, InputRecipe, owner)


def implemented(spec: RecipeSpec, recipe: Recipe) -> InputRecipe:
    """The implementation of a recipe of this kind. Raises as `load_recipe`."""
    where = f"recipe {recipe.name}"
    fields = check_options(recipe.fields, spec.options, where=where)
    if missing := [option.name for option in spec.options if option.required and option.name not in fields]:
        raise ZooError(f"{where} needs {', '.join(missing)}", hint=f"Recipe({recipe.name!r}, {missing[0]}=...)")
    made = spec.load(**fields)
    if not isinstance(made, InputRecipe):
        raise ZooError(
            f"{where} is implemented by a {type(made).__name__}",
            hint="load returns an object of a class derived from zoo_core.recipes.InputRecipe",
        )
    every = {option.name: fields.get(option.name, option.default) for option in spec.options}
    made.recipe, made.suffixes = recipe.changed(**every), spec.suffixes
    if recipe.learnt:
        made.use(recipe.learnt)
    return made


def learning(recipe: InputRecipe, samples: Iterable[Any]) -> InputRecipe:
    """The recipe with what it learns of the training samples."""
    return load_recipe(recipe.recipe.changed(learnt=recipe.learn(samples)))
