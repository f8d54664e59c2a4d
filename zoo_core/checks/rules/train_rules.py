"""Rules for a model that is trained: everything in it learns, and what was learnt can be kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from zoo_core.checks.candidates.model_candidate import SEED, ModelCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.data import BoxTargets
from zoo_core.errors import ZooError
from zoo_core.files import temporary_folder
from zoo_core.task_lookup import task_spec
from zoo_core.tasks import TrainingLoss, get_task
from zoo_core.training import (
    copy_state,
    load_strictly,
    loss_for,
    read_tensors,
    save_tensors,
    seed_everything,
)
from zoo_core.training.freezing import train_mode
from zoo_core.training.pretrained import fetch_weights, load_published

STEPS = 30
LEARNING_RATE = 1e-3
TRAINED_ROWS = 4


def every_parameter_learns(model: ModelCandidate) -> None:
    """Every parameter that wants a gradient gets one, and a finite one.

    A layer that is built and never used costs memory, and is trained by nobody.
    """
    module = _trainable(model)
    total = torch.stack([value.double().sum() for value in _training_outputs(model, module).values()]).sum()
    if not total.requires_grad:
        raise BrokenRuleError("no gradient reaches the outputs; something in forward() cuts it off")
    total.backward()  # type: ignore[no-untyped-call]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise BrokenRuleError(f"{name} gets no gradient: no output depends on it")
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise BrokenRuleError(f"the gradient of {name} is not finite")


def learns_a_batch(model: ModelCandidate) -> None:
    """A few dozen steps on one small batch make its loss fall.

    What cannot learn four samples by heart learns nothing.
    """
    loss = _loss_of(model)
    module = _trainable(model)
    targets = _targets(model, module)
    optimizer = torch.optim.Adam([each for each in module.parameters() if each.requires_grad], lr=LEARNING_RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(_training_outputs(model, module), targets)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(value.detach()))
    if not min(losses[-3:]) < losses[0]:
        raise BrokenRuleError(f"the loss goes from {losses[0]:.4f} to {losses[-1]:.4f} in {STEPS} steps of Adam")


def _trainable(model: ModelCandidate) -> nn.Module:
    module = model.build()
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise NotApplicableError("it has nothing to train")
    if model.model.spec.stages is not None:
        raise NotApplicableError("it chooses rows along the way; the zoo cannot train it")
    train_mode(module)
    return module


def _training_outputs(model: ModelCandidate, module: nn.Module) -> dict[str, Tensor]:
    rows = [model.inputs(1, seed=number) for number in range(TRAINED_ROWS)]
    batch = tuple(torch.cat(parts) for parts in zip(*rows, strict=True))
    try:
        return model.outputs(module, batch)
    except Exception:
        if model.batch_is_free:
            raise
        raise NotApplicableError("it takes one sample at a time, also in training") from None


def _loss_of(model: ModelCandidate) -> TrainingLoss:
    try:
        return loss_for(model.model.spec.task, own=model.model.spec.loss)
    except ZooError as error:
        raise NotApplicableError(error.message) from None


def _targets(model: ModelCandidate, module: nn.Module) -> Tensor:
    """What the task gives to try it; else a class for each sample, or for each place of its mask, and every class as
    often as possible. Or a box for each."""
    if task_spec(model.model.spec.task).targets == "boxes":
        return _boxes(model)
    outputs = _training_outputs(model, module)
    arrays = {name: value.numpy(force=True) for name, value in outputs.items()}
    if (own := get_task(model.model.spec.task).trial_targets(arrays)) is not None:
        return torch.from_numpy(own)
    logits = next(iter(outputs.values()))
    masks = task_spec(model.model.spec.task).targets == "masks"
    shape = (len(logits), *logits.shape[2:]) if masks else (len(logits),)
    classes = logits.shape[1] if logits.ndim > 1 else 1
    numbers = torch.arange(int(torch.tensor(shape).prod())).reshape(shape)
    return numbers % max(2, classes)


def _boxes(model: ModelCandidate) -> Tensor:
    """A thing of the first class in the middle of each picture, padded as training has it."""
    height, width = model.inputs(1)[0].shape[-2:]
    box = np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]])
    return torch.from_numpy(BoxTargets.of([(box, np.array([0]))] * TRAINED_ROWS).padded())


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
