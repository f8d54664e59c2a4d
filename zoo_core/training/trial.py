"""A first look, before a run exists: does the module take these samples, and does what shall be done to them fit?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zoo_core.errors import ZooError
from zoo_core.specs import IGNORED
from zoo_core.tasks import decisions_of
from zoo_core.torch_modules import Read, named_outputs

from .augment import Augment
from .feed import Feed
from .losses import Loss

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.shapes import TensorSpec
    from zoo_core.tasks import Task

    from .job import TrainJob

_FEW = 2
_SEVERAL_LOGITS = ("image-classification", "video-classification")


def try_module(
    module: nn.Module,
    samples: Samples,
    *,
    task: Task,
    outputs: tuple[str, ...],
    declared: tuple[Mapping[str, TensorSpec], Mapping[str, TensorSpec]] | None = None,
    read: Read | None = None,
    model: str,
    device: str,
) -> None:
    """Run a few samples through the module. Raises ZooError that says what is wrong, and the shape fed.

    `declared`: its inputs and outputs, with the options in force.
    """
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ZooError(f"model {model!r} has no parameters to train", hint=f"zoo export {model} takes it as it is")
    inputs, targets = next(_few(samples, device).in_order())
    module.eval()
    try:
        with torch.no_grad():  # not inference_mode: lazy modules make their parameters here
            found = named_outputs(module(inputs), outputs, read)
    except ZooError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise ZooError(
            f"model {model!r} failed on a batch of shape {tuple(inputs.shape)}: {reason}",
            hint="ZOO_DEBUG=1 shows where",
        ) from error
    _check_fit(found, samples, task=task, model=model, count=len(targets))
    if declared is not None:
        _check_declared(found, tuple(inputs.shape), *declared, model=model)


def try_batch(job: TrainJob, *, loss: Loss | None, augment: Augment | None, sides: Sequence[float] = (1.0,)) -> None:
    """A few samples through the augmentation, the module and the loss; nothing is learned, no random number drawn.

    `sides`: the parts of their own side that pictures will have. For a trainer's `check`. Raises what they raise for
    samples and outputs that they are not for, and ZooError for a module that pictures of such a side are too small for.
    """
    job.module.eval()
    for side in sides:
        feed = _few(job.train, job.device, augment=augment, side=side)
        inputs, targets = next(feed.shuffled(seed=job.seed, epoch=1))
        if side == 1.0 and loss is None:
            continue  # the module itself was tried before
        try:
            with torch.no_grad():
                outputs = job.named(job.module(inputs))
                if loss is not None:
                    loss(outputs, targets)
        except (RuntimeError, ValueError) as error:
            if side == 1.0:
                raise
            reason = str(error).strip().partition("\n")[0]
            raise ZooError(
                f"the model cannot be trained on smaller pictures, {' x '.join(map(str, inputs.shape[2:]))}: {reason}",
                hint="-t small_first=0",
            ) from error


def _few(samples: Samples, device: str, *, augment: Augment | None = None, side: float = 1.0) -> Feed:
    files = samples.files and samples.files[:_FEW]
    few = dataclasses.replace(samples, inputs=samples.inputs[:_FEW], targets=samples.targets[:_FEW], files=files)
    return Feed(few, batch_size=_FEW, device=device, augment=augment, side_in=lambda epoch: side)


def _check_declared(
    found: Mapping[str, Tensor],
    fed: tuple[int, ...],
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
    *,
    model: str,
) -> None:
    """Raises ZooError where an output has another shape than it is declared with: nothing could be built on it."""
    sizes = {axis: size for spec in inputs.values() if spec.fits(fed) for axis, size in spec.sizes_in(fed).items()}
    for name, spec in outputs.items():
        shape = tuple(found[name].shape)
        if not spec.bind(sizes).fits(shape):
            raise ZooError(
                f"model {model!r} declares the output {name!r} as {spec}, "
                f"but returned the shape {shape} for a batch of the shape {fed}",
                hint=f"whoever wrote it has to mend one of the two; zoo doctor {model} shows where",
            )


def _check_fit(outputs: Mapping[str, Tensor], samples: Samples, *, task: Task, model: str, count: int) -> None:
    """Raises ZooError unless outputs and targets have the same places, and there is a column for each class."""
    deciding = decisions_of(task.name)
    if deciding is None:
        return
    first = outputs[deciding.output(outputs)]
    places = samples.targets.shape[1:]
    counted = samples.targets[samples.targets != IGNORED] if places else samples.targets
    classes = int(counted.max(initial=0)) + 1
    shape = tuple(first.shape)
    if len(shape) == 1 and task.name == "binary-classification":
        shape = (*shape, 1)
    if len(shape) > 1 and shape[0] == count and shape[2:] == places and _told(shape[1], task) >= classes:
        return
    samples_shown = f"samples of {classes} classes"
    hint = "one row of logits a sample, one column a class"
    if places:
        samples_shown = f"masks of {' x '.join(map(str, places))} places and {classes} classes"
        hint = "logits of shape (samples, classes, ...), with the places of the masks"
    raise ZooError(f"model {model!r} returned shape {tuple(first.shape)} for {count} {samples_shown}", hint=hint)


def _told(columns: int, task: Task) -> int:
    """How many classes that many columns tell apart: one logit tells two, where the task takes one."""
    return 2 if columns == 1 and task.name not in _SEVERAL_LOGITS else columns
