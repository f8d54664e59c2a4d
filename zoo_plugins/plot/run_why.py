"""Grad-CAM of a run (Selvaraju et al., 2017): which places of a layer raise the class that is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_core import UsageError, Zoo, ZooError
from zoo_core.data import Samples
from zoo_core.tasks import class_columns, get_task, log_softmax

from .layers import Why, unknown_layer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo_core.training import Run


def gradient_maps(run: Run, zoo: Zoo, samples: Samples, *, layer: str | None) -> tuple[list[Why], str]:
    """A map for each sample, as large as its picture, and the layer: the last convolution unless it is named.

    Raises UsageError for a layer that is not there, ZooError for one that gives no maps.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 torch's own convention

    module = run.build(zoo).eval()
    name = _last_convolution(module, run.name) if layer is None else layer
    _check_layer(module, name, run.name)
    inputs = [torch.from_numpy(array).requires_grad_() for array in samples.arrays(slice(None)).values()]
    logits, maps = _watched(run, zoo, module, inputs, name)
    values = logits.detach().numpy()
    deciding = get_task(run.model(zoo).spec.task).deciding
    decided = deciding.decisions({"logits": values}) if deciding is not None else values.argmax(axis=1)
    chances = np.exp(log_softmax(class_columns(values)))
    (slopes,) = torch.autograd.grad(_scores(logits, torch.from_numpy(decided)).sum(), maps)
    found = (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1, keepdim=True).clamp(min=0).detach()
    large = F.interpolate(found, size=samples.main.shape[2:], mode="bilinear", align_corners=False)[:, 0].numpy()
    return [
        Why(values=each.astype(np.float64), decided=int(number), probability=float(chances[row, number]), told="")
        for row, (each, number) in enumerate(zip(large, decided, strict=True))
    ], name


def _scores(logits: Tensor, decided: Tensor) -> Tensor:
    """The logit that speaks for each decision; a single one speaks for the second class, and against the first."""
    if logits.ndim == 1 or logits.shape[1] == 1:
        return logits.flatten() * (2 * decided - 1)
    return logits.gather(1, decided[:, None])


def _watched(run: Run, zoo: Zoo, module: nn.Module, inputs: list[Tensor], name: str) -> tuple[Tensor, Tensor]:
    """The logits, and what the layer gave; both with the gradients between them."""
    from zoo_core.training import named_outputs

    seen: list[Any] = []

    def keep(layer: Any, given: Any, value: Any) -> Any:
        seen.append(value)
        # What comes next may work in place, on a copy then.
        return value.clone() if hasattr(value, "clone") else value

    spec = run.model(zoo).spec
    hook = module.get_submodule(name).register_forward_hook(keep)
    outputs = named_outputs(module(*inputs), list(spec.outputs), spec.read_outputs)
    hook.remove()
    if not seen:
        raise ZooError(f"layer {name!r} of run {run.name!r} is not used for these pictures", hint="name another layer")
    if getattr(seen[-1], "ndim", 0) != 4:
        raise ZooError(
            f"layer {name!r} of run {run.name!r} gives no maps (samples, channels, height, width)",
            hint="a convolution, or a layer before the places are joined",
        )
    deciding = get_task(spec.task).deciding
    chosen = deciding.output(outputs) if deciding is not None else next(iter(outputs))
    return outputs[chosen], seen[-1]


def _last_convolution(module: nn.Module, run: str) -> str:
    from torch import nn

    names = [name for name, each in module.named_modules() if isinstance(each, nn.Conv2d)]
    if not names:
        raise UsageError(
            f"run {run!r} has no convolution over pictures",
            hint="--layer names another layer; of its export, --what why covers parts of the picture",
        )
    return str(names[-1])


def _check_layer(module: nn.Module, layer: str, run: str) -> None:
    names = [name for name, _ in module.named_modules() if name]
    if layer not in names:
        raise unknown_layer(f"run {run!r}", layer, names)
