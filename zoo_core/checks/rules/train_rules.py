"""Rules for a model that is trained: everything in it learns, and what was learnt can be kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from zoo_core.checks.candidates.model_candidate import SEED, ModelCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.errors import ZooError
from zoo_core.files import temporary_folder
from zoo_core.shapes import joined_rows
from zoo_core.task_lookup import task_spec
from zoo_core.tasks import get_task
from zoo_core.training import (
    copy_state,
    load_strictly,
    loss_for,
    read_tensors,
    save_tensors,
    seed_everything,
)
from zoo_core.training.freezing import train_mode
from zoo_core.training.losses import sum_of
from zoo_core.training.pretrained import fetch_weights, load_published

STEPS = 30
LEARNING_RATE = 1e-3
TRAINED_ROWS = 4


def every_parameter_learns(model: ModelCandidate) -> None:
    """Every parameter that wants a gradient gets one, and a finite one.

    A layer that is built and never used costs memory, and is trained by nobody.
    """
    module = _trainable(model)
    if model.model.spec.losses is not None:
        total, what = _loss_of(model, module)(), "loss"
    else:
        total = torch.stack([value.double().sum() for value in _training_outputs(model, module).values()]).sum()
        what = "output"
    if not total.requires_grad:
        raise BrokenRuleError(f"no gradient reaches the {what}; something in forward() cuts it off")
    total.backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise BrokenRuleError(f"{name} gets no gradient: no {what} depends on it")
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise BrokenRuleError(f"the gradient of {name} is not finite")


def learns_a_batch(model: ModelCandidate) -> None:
    """A few dozen steps on one small batch make its loss fall.

    What cannot learn four samples by heart learns nothing.
    """
    module = _trainable(model)
    loss = _loss_of(model, module)
    optimizer = torch.optim.Adam([each for each in module.parameters() if each.requires_grad], lr=LEARNING_RATE)
    losses: list[float] = []
    while len(losses) < STEPS and not _has_clearly_fallen(losses):
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(value.detach()))
    if not min(losses[-3:]) < losses[0]:
        raise BrokenRuleError(f"the loss goes from {losses[0]:.4f} to {losses[-1]:.4f} in {STEPS} steps of Adam")


def _has_clearly_fallen(losses: list[float]) -> bool:
    """Whether more steps would show nothing new: the last three are below half of the first."""
    return len(losses) > 3 and max(losses[-3:]) < losses[0] / 2


def _trainable(model: ModelCandidate) -> nn.Module:
    module = model.build()
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise NotApplicableError("it has nothing to train")
    if model.model.spec.stages is not None:
        raise NotApplicableError("it chooses rows along the way: a few dozen steps of it take too long")
    train_mode(module)
    return module


def _batch(model: ModelCandidate) -> tuple[Tensor, ...]:
    rows = [model.inputs(1, seed=number) for number in range(TRAINED_ROWS)]
    return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))


def _training_outputs(model: ModelCandidate, module: nn.Module) -> dict[str, Tensor]:
    try:
        return model.outputs(module, _batch(model))
    except Exception:
        if model.batch_is_free:
            raise
        raise NotApplicableError("it takes one sample at a time, also in training") from None


def _loss_of(model: ModelCandidate, module: nn.Module) -> Callable[[], Tensor]:
    """What gives the loss of one batch, as training asks for it: of the model itself, or of its outputs."""
    spec = model.model.spec
    if (own := spec.losses) is not None:
        batch = _batch(model)
        inputs = batch[0] if len(batch) == 1 else dict(zip(spec.inputs, batch, strict=True))
        targets = _targets(model, _single_outputs(model, module))
        return lambda: sum_of(own(module, inputs, targets))
    try:
        loss = loss_for(spec.task, own=spec.loss)
    except ZooError as error:
        raise NotApplicableError(error.message) from None
    targets = _targets(model, _training_outputs(model, module))
    return lambda: loss(_training_outputs(model, module), targets)


def _single_outputs(model: ModelCandidate, module: nn.Module) -> dict[str, Tensor]:
    """The outputs of a model that computes its losses in training: those of evaluation, sample by sample."""
    module.eval()
    rows = [model.run(module, model.inputs(1, seed=number)) for number in range(TRAINED_ROWS)]
    train_mode(module)
    found = {}
    for name in rows[0]:
        values = [row[name].numpy(force=True) for row in rows]
        own_axis = model.batch_is_free  # else what was found has no axis for the sample
        found[name] = torch.from_numpy(joined_rows(values if own_axis else [value[np.newaxis] for value in values]))
    return found


def _targets(model: ModelCandidate, outputs: Mapping[str, Tensor]) -> Tensor:
    """What the task gives to try it; else a class for each sample, or for each place of its mask, and every class as
    often as possible."""
    arrays = {name: value.numpy(force=True) for name, value in outputs.items()}
    if (own := get_task(model.model.spec.task).trial_targets(arrays)) is not None:
        return torch.from_numpy(own)
    logits = next(iter(outputs.values()))
    masks = task_spec(model.model.spec.task).targets == "masks"
    shape = (len(logits), *logits.shape[2:]) if masks else (len(logits),)
    classes = logits.shape[1] if logits.ndim > 1 else 1
    numbers = torch.arange(int(torch.tensor(shape).prod())).reshape(shape)
    return numbers % max(2, classes)


def weights_survive_saving(model: ModelCandidate) -> None:
    """Weights that are written as safetensors and read into a new build give the same outputs to the bit.

    A state that lives elsewhere, or names that change, make a trained model worthless.
    """
    module = model.build()
    if not module.state_dict():
        raise NotApplicableError("it has no weights")
    with temporary_folder("zoo-check-") as folder:
        path = folder / "weights.safetensors"
        save_tensors(path, copy_state(module), facts={})
        tensors = read_tensors(path, what="the weights")[0]
    other = model.build(seed=SEED + 1)
    load_strictly(other, tensors, source="the file just written")
    outputs = []
    for each in (module, other):
        seed_everything(SEED)  # what a model draws while it computes is for another rule
        outputs.append(model.run(each, model.inputs(1)))
    for name, value in outputs[0].items():
        if not torch.equal(value, outputs[1][name]):
            raise BrokenRuleError(f"output {name!r} differs after the weights were saved and read back")


def packaged_weights_fit(model: ModelCandidate) -> None:
    """Weights that the package brings in a file are there, as they were declared, and fit the model.

    Whoever installs the package has no other way to get them.
    """
    packaged = [weights for weights in model.model.spec.weights if weights.file]
    if not packaged:
        raise NotApplicableError("it brings no weights in a file")
    usual = dataclasses.replace(model, given={})  # what they were made for, whatever options are looked at now
    for weights in packaged:
        module = usual.build()
        try:
            tensors = fetch_weights(weights, model=model.model.name)
            load_published(module, tensors, source=f"{weights.name} of {model.model.name}")
        except ZooError as error:
            raise BrokenRuleError(f"{error.message}; {error.hint}") from None


RULES = rules("train", every_parameter_learns, learns_a_batch, weights_survive_saving, packaged_weights_fit)
