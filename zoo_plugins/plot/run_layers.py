"""Kernels and values of a run, with torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core import UsageError, Zoo, ZooError, bound_tensors
from zoo_core.runtime import check_inputs

from .layers import Given, Kernels, Maps, listed_layers, no_convolution, unknown_layer, within

if TYPE_CHECKING:
    from torch import nn

    from zoo_core.training import Run


def run_kernels(run: Run, zoo: Zoo, *, layer: str | None) -> Kernels:
    """The first convolution of a run, or of one of its layers. Raises UsageError where there is none."""
    module = run.build(zoo)
    convolutions = _convolutions(module)
    if layer is not None:
        _check_layer(module, layer, run.name)
    chosen = [name for name in convolutions if layer is None or within(name, layer)]
    if not chosen:
        raise no_convolution(f"run {run.name!r}", layer, list(convolutions))
    values = convolutions[chosen[0]].weight.detach().float().numpy()
    return Kernels(layer=chosen[0], values=values, first=chosen[0] == next(iter(convolutions)))


def run_maps(run: Run, zoo: Zoo, *, layer: str | None, given: Given) -> Maps:
    """What a layer of a run gives for an input; without a name, its first convolution."""
    import torch

    model = run.model(zoo)
    specs, _ = bound_tensors(model, run.info.options)
    check_inputs({next(iter(specs)): given.batch}, specs, where=str(given.path))
    module = run.build(zoo)
    name = _first(module, run.name) if layer is None else layer
    _check_layer(module, name, run.name)
    seen: list[Any] = []
    hook = module.get_submodule(name).register_forward_hook(lambda *call: seen.append(call[-1]))
    with torch.inference_mode():
        module(torch.from_numpy(given.batch))
    hook.remove()
    if not seen:
        raise ZooError(f"layer {name!r} of run {run.name!r} is not used for this input", hint="name another layer")
    value = seen[-1]
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if not isinstance(value, torch.Tensor):
        raise ZooError(f"layer {name!r} of run {run.name!r} does not give a tensor", hint="name a layer inside it")
    return Maps(layer=name, values=value[0].float().numpy(), calls=len(seen))


def _convolutions(module: nn.Module) -> dict[str, Any]:
    from torch import nn

    return {name: each for name, each in module.named_modules() if isinstance(each, nn.Conv1d | nn.Conv2d)}


def _first(module: nn.Module, run: str) -> str:
    for name in _convolutions(module):
        return name
    raise UsageError(f"run {run!r} has no convolution: name a layer with --layer", hint=listed_layers(_names(module)))


def _check_layer(module: nn.Module, layer: str, run: str) -> None:
    names = _names(module)
    if layer not in names:
        raise unknown_layer(f"run {run!r}", layer, names)


def _names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_modules() if name]
