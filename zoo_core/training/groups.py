"""Which parameters an optimizer moves alike: all of them, or groups of other decay and other learning rates."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

RATE_PART = "rate_part"
"""The key of a group: its learning rate is this part of the one in force."""


def parameter_groups(module: nn.Module, *, decay_vectors: bool = True, layer_decay: float = 1.0) -> list[Any]:
    """What an optimizer is given: the parameters that are trained, or groups of them where they differ.

    Without `decay_vectors` what has a single axis, biases and the scales of norms, does not decay. The rate of each
    layer is `layer_decay` times that of the layer after it; the last one has the whole rate.
    """
    trained = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    if decay_vectors and layer_decay == 1.0:
        return [parameter for _, parameter in trained]
    numbers = layer_numbers(module)
    groups: dict[tuple[int, bool], list[Tensor]] = {}
    for name, parameter in trained:
        decays = decay_vectors or parameter.ndim > 1
        groups.setdefault((numbers[name] if layer_decay != 1.0 else 0, decays), []).append(parameter)
    last = max(numbers.values(), default=0) if layer_decay != 1.0 else 0
    return [
        {"params": parameters, RATE_PART: layer_decay ** (last - number), **({} if decays else {"weight_decay": 0.0})}
        for (number, decays), parameters in groups.items()
    ]


def layer_numbers(module: nn.Module) -> dict[str, int]:
    """In which layer each parameter is, counted from 0 in the order of the module.

    A layer is a part whose name ends with a number, such as `blocks.3` or `layer1`, or else one of the module's own
    parts; one with vectors alone, a norm, belongs to the layer before it.
    """
    layers: dict[str, list[Tensor]] = {}
    home: dict[str, str] = {}
    for name, parameter in module.named_parameters():
        home[name] = _layer(name)
        layers.setdefault(home[name], []).append(parameter)
    numbers: dict[str, int] = {}
    last = -1
    for layer, parameters in layers.items():
        if last < 0 or any(parameter.ndim > 1 for parameter in parameters):
            last += 1
        numbers[layer] = last
    return {name: numbers[layer] for name, layer in home.items()}


def _layer(name: str) -> str:
    parts = name.split(".")[:-1]
    for length, part in enumerate(parts, start=1):
        if re.search(r"\d$", part):
            return ".".join(parts[:length])
    return parts[0] if parts else ""
