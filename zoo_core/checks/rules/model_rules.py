"""Rules for a model as it is declared and built, before anything is fed to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.building import missing_options
from zoo_core.checks.candidates.model_candidate import SEED, ModelCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.errors import ZooError, did_you_mean
from zoo_core.options import typed_value
from zoo_core.registry import open_zoo
from zoo_core.task_lookup import task_spec
from zoo_core.training.trainer_options import DEFAULT_TRAINER, options_with_recipe
from zoo_core.verification.feed.rows import plausible_range

from .origin import check_origin

_UNKNOWN = "zoo_no_such_option"


def says_where_it_comes_from(model: ModelCandidate) -> None:
    """The spec gives a source and a license.

    Who uses a model in a product has to know both, and nobody else can tell. A license that is no SPDX name, and a
    source that is no address, are a remark.
    """
    check_origin(model.model.spec, called=f"ModelSpec {model.model.name!r}")


def old_names_lead_somewhere(model: ModelCandidate) -> None:
    """An old option of `renamed` leads to one that the builder has, and is none itself; an old name of `aliases` is no
    name that something else has.

    What does not lead to the model is of no use to those who still type it, and they are told of an option or a model
    that is not what they mean.
    """
    spec = model.model.spec
    options = {option.name for option in spec.options}
    for old, new in spec.renamed.items():
        if new not in options:
            hint = did_you_mean(new, options)
            raise BrokenRuleError(
                f"renamed={{{old!r}: {new!r}}}, and the builder has no option {new!r}. {hint}".strip()
            )
        if old in options:
            raise BrokenRuleError(f"renamed={{{old!r}: {new!r}}}, and {old!r} is an option of the builder")
    for entry in open_zoo().entries("model"):
        if entry.shown in spec.aliases:
            raise BrokenRuleError(f"aliases has {entry.shown!r}, which is a model of plugin {entry.plugin}")


def task_is_offered(model: ModelCandidate) -> None:
    """Somebody offers the task of the model: the zoo itself, or a plugin that is installed.

    Without it the model can be neither trained nor exported, and a typo is seen by its users first.
    """
    try:
        task_spec(model.model.spec.task)
    except ZooError as error:
        raise BrokenRuleError(f"{error.message} ({error.hint})") from None


def integers_have_a_range(model: ModelCandidate) -> None:
    """Each input of 32- or 64-bit integers says which numbers it takes.

    They are numbers of words, experts or steps: without `low` and `high` nobody can draw one that is allowed.
    """
    for name, spec in model.tensors()[0].items():
        try:
            plausible_range(spec, model.model.spec.preprocess)
        except ZooError as error:
            raise BrokenRuleError(f"input {name!r}: {error.message}; {error.hint}") from None


def builds_with_defaults(model: ModelCandidate) -> None:
    """The model is built without any option.

    The first thing that anybody types is `zoo export NAME`.
    """
    if missing := missing_options(model.model.spec, model.given):
        raise BrokenRuleError(f"option {missing[0].name!r} has no default")
    model.build_with({})


def options_can_be_typed(model: ModelCandidate) -> None:
    """Each option's default, typed as `-o name=value`, is read back as the same value.

    Otherwise what `zoo info` shows is not what one has to type.
    """
    for option in model.model.spec.options:
        if option.required:
            continue
        typed = typed_value(option.default)
        if option.parse(typed, where=model.shown) != option.default:
            raise BrokenRuleError(f"{option.name}={typed} is read as {option.parse(typed, where=model.shown)!r}")


def has_a_recipe_that_can_be_used(model: ModelCandidate) -> None:
    """The training recipe has options of the trainer that it is for, with values that this takes.

    Otherwise `zoo train NAME` fails before its first step, for everybody, until somebody gives other options.
    """
    if not model.model.spec.recipe:
        raise NotApplicableError("it has no training recipe")
    try:
        trainer = open_zoo().trainer(DEFAULT_TRAINER)
    except ZooError as error:
        raise NotApplicableError(error.message) from None
    try:
        trainer.spec.config(**options_with_recipe(model.model, trainer, {}))
    except (ZooError, ValueError, TypeError) as error:
        hint = f"; {error.hint}" if isinstance(error, ZooError) and error.hint else ""
        raise BrokenRuleError(f"{error}{hint}") from None


def refuses_unknown_options(model: ModelCandidate) -> None:
    """The builder takes no option that it does not declare.

    A mistyped option must not be swallowed: who typed it believes that it worked.
    """
    try:
        model.model.spec.build(**{**model.options, _UNKNOWN: 0})
    except TypeError:
        return
    raise BrokenRuleError(f"the builder takes {_UNKNOWN}=0 without complaint")


def seed_decides_the_weights(model: ModelCandidate) -> None:
    """The same seed gives the same weights, and the builder leaves the seed to its caller.

    What cannot be made again cannot be compared with anything; and where a builder sets a seed of its own, every
    `--seed` trains the same model.
    """
    first, second = model.build().state_dict(), model.build().state_dict()
    after = torch.get_rng_state()
    for name, tensor in first.items():
        if isinstance(tensor, Tensor) and not torch.equal(tensor, second[name]):
            raise BrokenRuleError(f"{name} differs between two builds with the same seed; draw it with torch alone")
    model.build(seed=SEED + 1)
    if torch.equal(after, torch.get_rng_state()):
        raise BrokenRuleError("whatever the seed, torch draws the same after a build: leave out torch.manual_seed")


def keeps_no_hidden_tensors(model: ModelCandidate) -> None:
    """Every tensor of the model is a parameter or a buffer.

    A plain attribute is not saved with the weights, and stays behind when the model moves to another device.
    """
    module = model.build()
    kept = {_place(tensor) for tensor in (*module.parameters(), *module.buffers())}
    for path, part in module.named_modules():
        # What a hook computes anew before each forward (torch's spectral_norm, weight_norm) is told by its name.
        computed = {getattr(hook, "name", None) for hook in part._forward_pre_hooks.values()}
        for name, value in vars(part).items():
            if name in _TORCHS_OWN or name in computed:
                continue
            if any(_place(tensor) not in kept for tensor in _tensors_in(value)):
                where = f"{path}.{name}" if path else name
                raise BrokenRuleError(f"{where} is a plain tensor; make it a parameter or a buffer")


_TORCHS_OWN = frozenset(vars(nn.Module()))
"""Where torch itself keeps parameters, buffers and hooks."""


def _place(tensor: Tensor) -> int:
    """Where its numbers are in memory: a view of a parameter is saved and moved with it."""
    return tensor.untyped_storage().data_ptr()


def _tensors_in(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict) and depth:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors_in(item, depth - 1)


RULES = (
    *rules(
        "import",
        says_where_it_comes_from,
        old_names_lead_somewhere,
        task_is_offered,
        options_can_be_typed,
        integers_have_a_range,
        has_a_recipe_that_can_be_used,
    ),
    *rules("build", builds_with_defaults, refuses_unknown_options, seed_decides_the_weights, keeps_no_hidden_tensors),
)
