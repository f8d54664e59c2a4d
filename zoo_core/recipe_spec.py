"""How what people have becomes an input, as data: a recipe that a dataset names, and the kinds that plugins offer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .declared_options import options_of_signature
from .errors import ZooError
from .options import Option
from .picture_recipe import Preprocess
from .spec_names import check_common, check_name

if TYPE_CHECKING:
    from .recipes import InputRecipe


@dataclass(frozen=True, init=False)
class Recipe:
    """One use of a recipe, for one input: `Recipe("waveform", rate=16000, seconds=1.0)`.

    `fields` are those of its kind. `source`: what is read; inputs of one `source` are made of the same file, text or
    row, and an input without one has a source of its own name. `learnt`: what the recipe has taken from the training
    part, as plain JSON. `plugin`: who offers the kind, `dist:entry`; empty for a bundled one.
    """

    name: str
    source: str
    plugin: str
    fields: Mapping[str, Any]
    learnt: Mapping[str, Any] = field(repr=False)

    def __init__(
        self,
        name: str,
        /,
        *,
        source: str = "",
        plugin: str = "",
        learnt: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        check_name(name, where="Recipe")
        for key, value in {"name": name, "source": source, "plugin": plugin, "fields": fields}.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "learnt", dict(learnt or {}))

    def changed(self, **changes: Any) -> Recipe:
        """The same recipe with another source, plugin or learnt part, or with other fields."""
        own = {key: changes.pop(key, getattr(self, key)) for key in ("source", "plugin", "learnt")}
        return Recipe(self.name, **own, **{**self.fields, **changes})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{recipe, fields[, source, plugin, learnt]}`."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in self.fields.items()}
        said = {"source": self.source, "plugin": self.plugin, "learnt": dict(self.learnt)}
        return {"recipe": self.name, "fields": plain, **{key: value for key, value in said.items() if value}}

    @classmethod
    def from_json(cls, data: Any) -> Recipe:
        """The inverse of `to_json`. Raises ZooError for anything else; fields are checked when the recipe is used."""
        kinds = {"recipe": str, "source": str, "plugin": str, "fields": dict, "learnt": dict}
        if not isinstance(data, Mapping) or "recipe" not in data:
            raise ZooError(f"a recipe is an object with its name, not {str(data)[:60]!r}")
        for key, value in data.items():
            if key not in kinds or not isinstance(value, kinds[key]):
                raise ZooError(f"a recipe cannot have {key!r} as {str(value)[:60]!r}")
        fields = data.get("fields", {})
        if reserved := {"source", "plugin", "learnt"} & fields.keys():
            raise ZooError(f"a recipe cannot have the field {min(reserved)!r}")
        rest = {key: data[key] for key in ("source", "plugin", "learnt") if key in data}
        return cls(data["recipe"], **rest, **fields)


def source_of(name: str, recipes: Mapping[str, Any]) -> str:
    """What is read for an input: what its recipe says, or something of its own name."""
    recipe = recipes.get(name)
    return recipe.source or name if isinstance(recipe, Recipe) else name


def sources_of(inputs: Iterable[str], recipes: Mapping[str, Any]) -> tuple[str, ...]:
    """What is read for a sample, by name, each once."""
    return tuple(dict.fromkeys(source_of(name, recipes) for name in inputs))


def check_recipes(
    where: str, inputs: Mapping[str, Any], recipes: Mapping[str, Any], preprocess: Preprocess | None
) -> None:
    """Raise ZooError for what is no recipe, for recipes of inputs that there are not, and for two of one input."""
    if preprocess is not None and not isinstance(preprocess, Preprocess):
        raise ZooError(f"{where}: preprocess is a Preprocess, not {preprocess!r}")
    for name, recipe in recipes.items():
        if not isinstance(recipe, Recipe | Preprocess):
            raise ZooError(f"{where}: the recipe of {name!r} is a {type(recipe).__name__}, not a Recipe")
        if name not in inputs:
            raise ZooError(f"{where}: there is a recipe for {name!r}, which is no input")
    if preprocess is not None and next(iter(inputs)) in recipes:
        raise ZooError(f"{where}: the first input has both preprocess and a recipe", hint="leave one of them out")


@dataclass(frozen=True, kw_only=True)
class RecipeSpec:
    """One kind of recipe.

    `load` makes its implementation, a `zoo_core.recipes.InputRecipe`, and imports numpy there; its keyword-only
    parameters are the fields of the recipe. `suffixes`: how the names of files end that it reads, in small letters.
    """

    name: str
    summary: str
    load: Callable[..., InputRecipe]
    suffixes: tuple[str, ...] = ()
    requires_core: str = ""
    expected_failures: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_common(self)
        where = f"RecipeSpec {self.name!r}"
        if not callable(self.load):
            raise ZooError(f"{where}: load is not callable")
        if wrong := [suffix for suffix in self.suffixes if not suffix.startswith(".") or suffix != suffix.lower()]:
            raise ZooError(f"{where}: a suffix is written like '.wav', not {wrong[0]!r}")
        _ = self.options

    @property
    def options(self) -> tuple[Option, ...]:
        """The fields of such a recipe."""
        return options_of_signature(self.load, where=f"recipe {self.name}")
