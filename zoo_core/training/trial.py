"""A first look, before a run exists: does the module take these samples, and does what shall be done to them fit?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from zoo_core.declared_metrics import check_metrics
from zoo_core.errors import ZooError
from zoo_core.plugin_faults import ModelFaultError, PluginFaultError, code_of, is_plugins_code, plugin_line
from zoo_core.tasks import TrainingLoss
from zoo_core.torch_modules import Read, called, named_outputs

from .augment import Augment
from .evaluation import tally
from .feed import Feed, Inputs
from .mixing import Mix
from .one_at_a_time import OneAtATime
from .sample_losses import SampleLosses, batch_loss

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.shapes import TensorSpec
    from zoo_core.tasks import Task

    from .job import TrainJob

_FEW = 2
_MEASURED = 16
_COMPARED = 8


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
            found = named_outputs(called(module, inputs), outputs, read)
    except ModelFaultError as error:
        forward = getattr(type(module), "forward", None)
        error.code = code_of(forward) if is_plugins_code(forward) else None
        raise
    except ZooError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        at = f", at {place}" if (place := plugin_line(error)) else ""
        raise ModelFaultError(
            f"model {model!r} failed on a batch of shape {_shapes(inputs)}: {reason}{at}",
            hint="ZOO_DEBUG=1 shows where",
        ) from error
    shapes = {name: tuple(value.shape) for name, value in found.items()}
    task.check_fit(shapes, samples.targets, count=len(targets), model=model)
    if declared is not None and not isinstance(read, OneAtATime):  # its outputs got an axis that is not declared
        _check_declared(shapes, inputs, *declared, model=model)


def try_measures(
    module: nn.Module,
    samples: Samples,
    *,
    task: Task,
    outputs: tuple[str, ...],
    read: Read | None = None,
    plugin: str,
    device: str,
) -> None:
    """Measure a few samples. Raises ZooError where the metrics are not those that the task, of a plugin, declares.

    How well they are answered is nobody's question, and a task may refuse so few of them.
    """
    module.eval()
    try:
        with torch.no_grad(), np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            few = samples.first(_MEASURED)
            measured = tally(module, few, task=task, outputs=outputs, read=read, device=device)
            found = measured.metrics()
    except PluginFaultError:
        raise
    except ZooError:
        return
    check_metrics(found, task, tally=measured, plugin=plugin)


def try_batch(
    job: TrainJob,
    *,
    loss: TrainingLoss | None,
    augment: Augment | None,
    sides: Sequence[float] = (1.0,),
    mix: Mix | None = None,
) -> None:
    """A few samples through `augment` and `mix`, the module and the loss; nothing is learned, no random number drawn.

    `sides`: the parts of their own side that pictures will have. For a trainer's `check`. Raises what they raise for
    samples and outputs that they are not for, and ZooError for a module that pictures of such a side are too small for.
    """
    job.module.eval()
    for side in sides:
        feed = _few(job.train, job.device, augment=augment, side=side, mix=mix)
        inputs, targets = next(feed.shuffled(seed=job.seed, epoch=1))
        if side == 1.0 and loss is None:
            continue  # the module itself was tried before
        try:
            with torch.no_grad():
                outputs = job.forward(inputs)
                if loss is not None:
                    batch_loss(loss, outputs, targets)
        except (RuntimeError, ValueError) as error:
            if side == 1.0:
                raise
            reason = str(error).strip().partition("\n")[0]
            raise ZooError(
                f"the model cannot be trained on smaller pictures, {_sides(inputs)}: {reason}",
                hint="-t small_first=0",
            ) from error


def try_sample_losses(job: TrainJob, loss: SampleLosses, *, option: str) -> None:
    """Raise UsageError where the loss of a few samples is not the mean of their own losses, which `option` needs."""
    few = np.linspace(0, len(job.train) - 1, min(_COMPARED, len(job.train))).astype(np.int64)
    inputs, targets = next(Feed(job.train.at(few), batch_size=_COMPARED, device=job.device).in_order())
    job.module.eval()
    with torch.no_grad():
        loss.check(job.forward(inputs), targets, option=option)


def _shapes(inputs: Inputs) -> str:
    if isinstance(inputs, Tensor):
        return str(tuple(inputs.shape))
    return ", ".join(f"{name} {tuple(value.shape)}" for name, value in inputs.items())


def _sides(inputs: Inputs) -> str:
    first = inputs if isinstance(inputs, Tensor) else next(iter(inputs.values()))
    return " x ".join(map(str, first.shape[2:]))


def _few(
    samples: Samples, device: str, *, augment: Augment | None = None, side: float = 1.0, mix: Mix | None = None
) -> Feed:
    few = samples.first(_FEW)
    return Feed(few, batch_size=_FEW, device=device, augment=augment, side_in=lambda epoch: side, mix=mix)


def _check_declared(
    found: Mapping[str, tuple[int, ...]],
    fed: Inputs,
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
    *,
    model: str,
) -> None:
    """Raises ZooError where an output has another shape than it is declared with: nothing could be built on it."""
    named = dict.fromkeys(inputs, fed) if isinstance(fed, Tensor) else fed
    sizes: dict[str, int] = {}
    for name, spec in inputs.items():
        if spec.fits(shape := tuple(named[name].shape)):
            sizes |= spec.sizes_in(shape)
    for name, spec in outputs.items():
        if not spec.bind(sizes).fits(found[name]):
            raise ModelFaultError(
                f"model {model!r} declares the output {name!r} as {spec}, "
                f"but returned the shape {found[name]} for a batch of the shape {_shapes(fed)}",
                hint=f"whoever wrote it has to mend one of the two; zoo doctor {model} shows where",
            )
