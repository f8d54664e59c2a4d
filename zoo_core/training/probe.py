"""A first look: does the module take these samples and return what its spec declares? Before a run exists."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import nn

from zoo_core.errors import ZooError

from .evaluation import named_outputs
from .feed import Feed

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.tasks import Task

_FEW = 2


def try_module(
    module: nn.Module, samples: Samples, *, task: Task, outputs: tuple[str, ...], model: str, device: str
) -> None:
    """Run a few samples through the module. Raises ZooError that says what is wrong, and the shape fed."""
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ZooError(f"model {model!r} has no parameters to train", hint=f"zoo export {model} takes it as it is")
    few = dataclasses.replace(samples, inputs=samples.inputs[:_FEW], targets=samples.targets[:_FEW])
    inputs, targets = next(Feed(few, batch_size=_FEW, device=device).in_order())
    module.eval()
    try:
        with torch.no_grad():  # not inference_mode: lazy modules make their parameters here
            found = named_outputs(module(inputs), outputs)
    except ZooError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise ZooError(
            f"model {model!r} failed on a batch of shape {tuple(inputs.shape)}: {reason}",
            hint="ZOO_DEBUG=1 shows where",
        ) from error
    first = next(iter(found.values()))
    if task.name == "image-classification":
        classes = int(samples.targets.max()) + 1
        if first.ndim != 2 or len(first) != len(targets) or first.shape[1] < classes:
            raise ZooError(
                f"model {model!r} returned shape {tuple(first.shape)} for {len(targets)} samples of {classes} classes",
                hint="one row of logits a sample, one column a class",
            )
