"""Rules for a recipe: what it makes is what it says, the same everywhere, and bad sources are refused in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.checks.apart.own_process import in_child
from zoo_core.checks.apart.recipe_child import digest_of
from zoo_core.checks.candidates.recipe_candidate import COUNT, NAME, SEED, RecipeCandidate, shown, taught
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.discovery.offers import words
from zoo_core.errors import MissingExtraError, ZooError
from zoo_core.recipe_spec import Recipe
from zoo_core.recipes import InputRecipe, implemented
from zoo_core.shapes import DTYPES

from .bad_sources import bad_fields, bad_sources
from .same_arrays import close, is_padded, need_same

_HASH_SEEDS = ("1", "2")


def works_with_defaults(recipe: RecipeCandidate) -> None:
    """Every field has a default, and `load` makes an InputRecipe of them.

    Then a dataset that names the recipe alone works, and its users change what they need.
    """
    if missing := [option.name for option in recipe.spec.options if option.required]:
        raise BrokenRuleError(f"its field {missing[0]} has no default")
    recipe.implemented()


def gives_what_it_declares(recipe: RecipeCandidate) -> None:
    """What it makes has a type that models take, the shape of its `shape`, and finite numbers in its `values`, whatever
    its fields choose.

    A model is built on the shape, and tokens beyond the range end it with an error that nobody understands.
    """
    _check_made(recipe.recipe, recipe.made, rows=len(recipe.sources))
    if not np.isfinite(recipe.made).all():
        raise BrokenRuleError("it makes numbers that are not finite")
    for option in recipe.spec.options:
        for choice in option.choices or ((True, False) if option.type == "bool" else ()):
            own = taught(recipe, recipe.implemented(**{option.name: choice}))
            try:
                _make(own, [own.read(source, name=NAME) for source in recipe.sources])
            except BrokenRuleError as error:
                raise BrokenRuleError(f"with {option.name}={choice} {error}") from None


def repeats_itself(recipe: RecipeCandidate) -> None:
    """The same sources become the same input every time, also in another process.

    What is evaluated or predicted differs otherwise from what was trained, and nobody finds out why.
    """
    first, own = digest_of(recipe.made), recipe.recipe
    again = [own.read(source, name=NAME) for source in recipe.sources]
    if digest_of(own.prepare(own.stack(again))) != first:
        raise BrokenRuleError("the same sources, read a second time, give another input")
    learnt: list[Any] = [] if recipe.untaught.is_ready else [_plain(own.recipe.learnt)]
    for seed in _HASH_SEEDS:
        found = _elsewhere(recipe, seed)
        if found["digest"] != first:
            raise BrokenRuleError("another process makes another input of the same sources")
        if learnt and found["learnt"] != learnt[0]:
            raise BrokenRuleError("another process learns something else of the same sources")


def rows_are_independent(recipe: RecipeCandidate) -> None:
    """A sample becomes the same input alone as among others, but for padding at one end.

    A recipe that looks at the whole batch, as by scaling with its largest value, answers by what else is asked.
    """
    own = recipe.recipe
    stored = own.stack(recipe.samples)
    for place, sample in enumerate(recipe.samples):
        alone = own.prepare(own.stack([sample]))[0]
        if not is_padded(alone, recipe.made[place]):
            raise BrokenRuleError("a sample becomes another input when it is alone")
        if not close(own.prepare(stored[place : place + 1])[0], recipe.made[place]):
            raise BrokenRuleError("prepare makes another input of a stored sample when it is alone in its batch")


def leaves_its_input_alone(recipe: RecipeCandidate) -> None:
    """Sources, samples and stored arrays are as they were after an input has been made of them.

    Stored samples are made into inputs in every epoch: what is changed in place is changed again and again.
    """
    own, sources = recipe.recipe, copy.deepcopy(list(recipe.sources))
    samples = [own.read(source, name=NAME) for source in sources]
    need_same(sources, recipe.sources, "read changes the source that it is given")
    kept = copy.deepcopy(samples)
    stored = own.stack(samples)
    need_same(samples, kept, "stack changes the samples that it is given")
    before = stored.copy()
    own.prepare(stored)
    need_same([stored], [before], "prepare changes the stored samples that it is given")


def survives_its_json(recipe: RecipeCandidate) -> None:
    """`to_json` is plain JSON with every field and what was learnt, and the recipe made of it makes the same input.

    This is how a recipe goes into a run and a file, and comes out of it.
    """
    own = recipe.recipe
    try:
        text = json.dumps(own.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BrokenRuleError(f"to_json gives no plain JSON: {error}") from None
    read = implemented(recipe.spec, Recipe.from_json(json.loads(text)))
    made = read.prepare(read.stack([read.read(source, name=NAME) for source in recipe.sources]))
    if digest_of(made) != digest_of(recipe.made):
        raise BrokenRuleError("the recipe that is made of its JSON makes another input")
    if json.dumps(read.to_json()) != text:
        raise BrokenRuleError("the recipe that is made of its JSON has another JSON")


def explains_bad_fields(recipe: RecipeCandidate) -> None:
    """A number that cannot be, as a field, is an error of the zoo that says so.

    `zoo train -d length=-1` ends in a traceback otherwise, or in a model that learns nothing.
    """
    sources = recipe.sources
    for option, value in bad_fields(recipe.spec.options):
        told = f"{option}={value}"
        try:
            made = taught(recipe, recipe.implemented(**{option: value}))
            _make(made, [made.read(sources[0], name=NAME)])
        except (ZooError, BrokenRuleError) as error:
            if isinstance(error, BrokenRuleError):
                raise BrokenRuleError(f"with {told}: {error}") from None
        except Exception as error:  # noqa: BLE001 whatever a plugin raises
            raise BrokenRuleError(f"with {told} it raises {words(error)}, and no ZooError") from None


def explains_bad_sources(recipe: RecipeCandidate) -> None:
    """What is no source, or a damaged one, is read all the same or is a ZooError that names it.

    People have empty files, truncated ones, and texts where numbers should be; and some files are made to do harm.
    """
    own, random = recipe.recipe, np.random.Generator(np.random.Philox(SEED))
    for what, source in bad_sources(recipe.sources, random=random):
        try:
            if samples := _read_all(own, source):  # a file may hold none at all, and nobody stacks nothing
                _make(own, samples)
        except MissingExtraError:
            continue
        except ZooError as error:
            if NAME not in error.message:
                raise BrokenRuleError(f"its error about {what} does not name the source: {error.message}") from None
        except BrokenRuleError as error:
            raise BrokenRuleError(f"of {what} {error}") from None
        except Exception as error:  # noqa: BLE001 whatever a plugin raises
            raise BrokenRuleError(f"{what} ends with {words(error)}, and no ZooError") from None


def runs_without_torch(recipe: RecipeCandidate) -> None:
    """Inputs are made without torch.

    Whoever gets an exported file makes inputs for it without PyTorch.
    """
    _ = recipe.made
    if heavy := _elsewhere(recipe, _HASH_SEEDS[0])["heavy"]:
        raise BrokenRuleError(f"making an input imports {heavy}", causes=(heavy,))


def _elsewhere(recipe: RecipeCandidate, seed: str) -> dict[str, Any]:
    found: dict[str, Any] = in_child(
        "zoo_core.checks.apart.recipe_child:made_by",
        recipe.spec.name,
        recipe.plugin,
        _plain(recipe.recipe.recipe.learnt),
        count=COUNT,
        seed=SEED,
        source=NAME,
        environment={"PYTHONHASHSEED": seed},
    )
    return found


def _plain(learnt: Mapping[str, Any]) -> Any:
    try:
        return json.loads(json.dumps(learnt))
    except (TypeError, ValueError):
        raise NotApplicableError("what it learns is no plain JSON") from None


def _read_all(recipe: InputRecipe, source: Any) -> list[Any]:
    """The samples of a source, as prediction reads them."""
    parts: Sequence[Any] = [source]
    if isinstance(source, bytes):
        parts = recipe.samples_in(source, name=NAME)
    if faults := [part for part in parts if isinstance(part, ZooError)]:
        raise faults[0]
    return [recipe.read(part, name=NAME) for part in parts]


def _make(recipe: InputRecipe, samples: list[Any]) -> None:
    """Make an input of samples. Raises BrokenRuleError for one that is not as declared."""
    try:
        made = recipe.prepare(recipe.stack(samples))
    except ZooError as error:
        raise ZooError(f"{NAME}: {error.message}") from None
    _check_made(recipe, made, rows=len(samples))


def _check_made(recipe: InputRecipe, made: Any, *, rows: int) -> None:
    if not isinstance(made, np.ndarray) or made.dtype.name not in DTYPES:
        raise BrokenRuleError(f"it makes {shown(made)}, and models take arrays of {', '.join(DTYPES)}")
    if recipe.shape is not None:
        wanted = (rows, *recipe.shape)
        fits = len(wanted) == made.ndim and all(
            size in {None, own} for size, own in zip(wanted, made.shape, strict=True)
        )
        if not fits:
            raise BrokenRuleError(f"it makes {shown(made)}, and its shape is {recipe.shape}")
    if recipe.values is not None and made.size:
        low, high = recipe.values
        least, most = made.min(), made.max()
        beyond = most >= high if made.dtype.kind in "iu" else most > high
        if least < low or beyond:
            raise BrokenRuleError(f"it makes numbers from {least} to {most}, and its values are {recipe.values}")


RULES = rules(
    "load",
    works_with_defaults,
    gives_what_it_declares,
    repeats_itself,
    rows_are_independent,
    leaves_its_input_alone,
    survives_its_json,
    explains_bad_fields,
    explains_bad_sources,
    runs_without_torch,
)
