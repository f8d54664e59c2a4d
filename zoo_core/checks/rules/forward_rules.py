"""Rules for what a model computes."""

from __future__ import annotations

import math
import traceback

import torch
from torch import Tensor

from zoo_core.checks.candidates.model_candidate import ModelCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, RemarkError, rules
from zoo_core.errors import ZooError
from zoo_core.shapes import TensorSpec
from zoo_core.task_lookup import task_spec
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes

ROWS_TOLERANCE = 1e-4
"""Of the largest value: batches of other sizes are summed in another order."""


def gives_what_it_declares(model: ModelCandidate) -> None:
    """Outputs have the declared names, shapes and types, for batches of 1 and 3 and for every size of a free axis.

    Everything behind the model (the loss, the file, the code of who deploys it) is built on the declaration.
    """
    module = model.build()
    outputs = model.tensors()[1]
    for rows in (1, 3) if model.batch_is_free else (1,):
        for sizes in model.sizes:
            found = model.run(module, model.inputs(rows, sizes=sizes))
            for name, spec in outputs.items():
                _check_shape(name, spec, found[name], {BATCH: rows, **sizes})
                if found[name].dtype is not getattr(torch, spec.dtype):
                    actual = str(found[name].dtype).removeprefix("torch.")
                    raise BrokenRuleError(f"output {name!r} is declared as {spec.dtype} but is {actual}")


def _check_shape(name: str, spec: TensorSpec, found: Tensor, sizes: Sizes) -> None:
    bound = spec.bind(sizes)
    shape = tuple(found.shape)
    where = ", ".join(f"{axis}={size}" for axis, size in sizes.items())
    if not bound.fits(shape):
        raise BrokenRuleError(f"output {name!r} is declared as {bound} but has the shape {shape} ({where})")


def follows_its_sizes(model: ModelCandidate) -> None:
    """An option that is an axis decides that axis: another number of channels, classes or pixels is taken and given.

    A builder that ignores num_classes trains on ten classes and never sees the eleventh.
    """
    tried = 0
    for name, size in model.size_options.items():
        for value in (size + 1, size * 2):
            try:
                module = model.build_with({name: value})
            except ZooError:
                continue  # refused in words: another one, then
            tried += 1
            found = model.run(module, model.inputs(2 if model.batch_is_free else 1, changed={name: value}))
            sizes = {BATCH: 2 if model.batch_is_free else 1, **model.sizes[0]}
            for output, spec in model.tensors({name: value})[1].items():
                _check_shape(output, spec, found[output], sizes)
            break
    if not tried:
        raise NotApplicableError("none of its axes is an option that can be changed")


def explains_bad_sizes(model: ModelCandidate) -> None:
    """An axis of size 1 is taken, or refused in words.

    "height=1: LeNet-5 needs at least 12", a ValueError of the builder, helps most. Words of PyTorch ("Kernel size can't
    be greater than actual input size") are a remark; a ZeroDivisionError in the builder's own lines, or no word at all,
    breaks the rule. Sizes below 1 never come to a builder's users: the zoo refuses them.
    """
    model.need_ranges()
    remarks = [remark for name in model.size_options if (remark := _try_one(model, name))]
    if remarks:
        raise RemarkError("; ".join(remarks))


def _try_one(model: ModelCandidate, name: str) -> str:
    """Try an axis of size 1; what PyTorch says of it, empty where it is taken, or refused by the builder in words."""
    options = {**model.options, name: 1}
    option = next(option for option in model.model.spec.options if option.name == name)
    at = "the builder"
    try:
        option.check(1, where=model.shown)  # what its type forbids never comes to the builder
        module = model.model.spec.build(**options)
        at = "its forward"
        model.run(module.eval(), model.inputs(1, changed={name: 1}))
    except ZooError:
        return ""
    except Exception as error:  # noqa: BLE001 whatever a builder or a network stumbles over
        words = str(error).strip().partition("\n")[0]
        if not words:
            raise BrokenRuleError(f"{name}=1 is refused by {at} without a message") from None
        if isinstance(error, ValueError) and at == "the builder":
            return ""
        if isinstance(error, ValueError | RuntimeError) or _is_torchs(error):
            return f"{name}=1 is refused by {at} in the words of PyTorch: {words}"
        raise BrokenRuleError(
            f"{name}=1: {at} fails with {type(error).__name__}: {words}; a ValueError of the builder could say why"
        ) from None
    return ""


def _is_torchs(error: Exception) -> bool:
    """Whether it was raised inside PyTorch, and not by a line of the plugin's own."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return str(frames[-1][0].f_globals.get("__name__", "")).partition(".")[0] == "torch"


def stays_finite(model: ModelCandidate) -> None:
    """Fresh weights give finite outputs for inputs in the declared range, and for a blank one.

    A NaN in the first forward pass makes every later one.
    """
    module = model.build()
    noise = model.inputs(1)
    blank = tuple(map(_blank, noise, model.tensors()[0].values()))
    for inputs, words in ((noise, "noise"), (blank, "a blank input")):
        for name, value in model.run(module, inputs).items():
            if not torch.isfinite(value).all():
                raise BrokenRuleError(f"output {name!r} is not finite for {words}")


def _blank(like: Tensor, spec: TensorSpec) -> Tensor:
    """Zeros, or what is nearest to them in the declared range."""
    low = -math.inf if spec.low is None else spec.low
    return torch.zeros_like(like).clamp(low, math.inf if spec.high is None else spec.high)


def gives_logits(model: ModelCandidate) -> None:
    """A classifier gives logits: numbers before a softmax, not probabilities after it.

    The losses and `zoo predict` apply the softmax; applied twice, it flattens every gradient and every probability.
    """
    try:
        task = task_spec(model.model.spec.task)
    except ZooError as error:
        raise NotApplicableError(error.message) from None
    per_class = task.targets == "masks" or (task.targets == "classes" and not task.one_logit and not task.compared)
    if not per_class or model.model.spec.loss is not None:
        raise NotApplicableError(f"task {model.model.spec.task!r} has no logits, or the model has a loss of its own")
    name, value = next(iter(model.run(model.build(), model.inputs(1)).items()))
    if value.ndim < 2 or value.shape[1] < 2:
        raise NotApplicableError("it gives one logit")
    if bool((value >= 0).all()) and torch.allclose(value.sum(1), torch.ones(()), atol=1e-4):
        raise BrokenRuleError(
            f"output {name!r} is never negative and sums to 1 over the classes: leave out the softmax"
        )


def rows_are_independent(model: ModelCandidate) -> None:
    """In evaluation mode what a sample gives does not depend on who is in the batch with it.

    Otherwise a served model answers differently under load.
    """
    model.need_free_batch()
    module = model.build()
    together = model.inputs(3)
    others = model.inputs(3, seed=1)
    mixed = tuple(torch.cat([mine[:1], theirs[1:]]) for mine, theirs in zip(together, others, strict=True))
    alone = model.run(module, tuple(each[:1] for each in together))
    for company, words in ((together, "other samples"), (mixed, "still other ones")):
        for name, value in model.run(module, company).items():
            scale = float(alone[name].abs().max().clamp(min=1e-6)) if alone[name].numel() else 1.0
            apart = float((value[:1].double() - alone[name].double()).abs().max()) if value.numel() else 0.0
            if not apart <= ROWS_TOLERANCE * scale:
                raise BrokenRuleError(f"output {name!r} of a sample changes by {apart:.3g} with {words} in its batch")


def evaluates_alike(model: ModelCandidate) -> None:
    """In evaluation mode the same inputs give the same outputs, to the bit.

    Dropout that is not switched off is the usual reason.
    """
    module = model.build()
    inputs = model.inputs(1)
    first, second = model.run(module, inputs), model.run(module, inputs)
    for name, value in first.items():
        if not torch.equal(value, second[name]):
            raise BrokenRuleError(f"output {name!r} differs when it is computed again")


def leaves_its_input_alone(model: ModelCandidate) -> None:
    """The model does not change the tensors that it is given.

    An operation in place on the input spoils the caller's data.
    """
    inputs = model.inputs(1)
    kept = [each.clone() for each in inputs]
    model.run(model.build(), inputs)
    for name, before, after in zip(model.model.spec.inputs, kept, inputs, strict=True):
        if not torch.equal(before, after):
            raise BrokenRuleError(f"input {name!r} is changed; an operation in place comes first in forward()")


RULES = rules(
    "forward",
    gives_what_it_declares,
    follows_its_sizes,
    explains_bad_sizes,
    stays_finite,
    gives_logits,
    rows_are_independent,
    evaluates_alike,
    leaves_its_input_alone,
)
