"""Which weights a builder brings itself: they do not follow the seed, and are never altered.

Whether weights are fresh is a property of the module, and not of an option: a plugin may load a file of its package.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

FEW = 64
LEAST_NUMBERS = 64
"""A matrix of fewer says nothing of how it was drawn."""
STRAIGHT = (-1.6, 0.9)
"""Excess kurtosis of what initialisers draw: -1.2 of a uniform distribution, 0 of a normal one."""


def own_tensors(module: nn.Module, other: nn.Module) -> frozenset[str]:
    """Names of the parameters and statistics of `module`, as it was built, that are the builder's own.

    `other` is the same model, built with another seed. What follows the seed is fresh; so is everything where a builder
    sets a seed itself, and all large matrices look as initialisers draw them. Numbers that are all alike (a gamma of 1,
    a layer scale, untouched statistics) say nothing themselves: they are what the matrix before them is.
    """
    second = other.state_dict()
    same = {name for name, tensor in module.state_dict().items() if name in second and _equal(tensor, second[name])}
    telling = {name: tensor for name, tensor in _telling(module) if name in same}
    large = [tensor for tensor in telling.values() if tensor.ndim > 1 and tensor.numel() >= LEAST_NUMBERS]
    if not telling or (large and all(map(looks_initialised, large))):
        return frozenset()
    return frozenset(_spread(module, telling, same))


def _equal(first: Tensor, second: Tensor) -> bool:
    """Bit by bit, a few numbers before all of them: those that follow a seed differ at once."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    bits = [tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for tensor in (first, second)]
    return torch.equal(*(each[:FEW] for each in bits)) and torch.equal(*bits)


def _telling(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, and statistics of norms, whose numbers are not all alike."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if not tensor.is_floating_point() or tensor.numel() < 2 or not _is_learnt(module, name):
            continue
        if not bool((tensor == tensor.reshape(-1)[0]).all()):
            yield name, tensor.detach()


def _is_learnt(module: nn.Module, name: str) -> bool:
    owner, _, last = name.rpartition(".")
    holder = dict(module.named_modules())[owner]  # get_submodule is not for TorchScript
    return last in dict(holder.named_parameters(recurse=False)) or last in {"running_mean", "running_var"}


def _spread(module: nn.Module, telling: Mapping[str, Tensor], same: set[str]) -> Iterator[str]:
    """The telling tensors, and what is all alike beside or behind them."""
    matrix_is_own = any(name in telling for name, tensor in module.named_parameters() if tensor.ndim > 1)
    for path, part in module.named_modules():
        tensors = dict((*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)))
        own = {f"{path}.{name}".lstrip("."): tensor for name, tensor in tensors.items()}
        if matrices := [name for name, tensor in own.items() if tensor.ndim > 1]:
            matrix_is_own = any(name in telling for name in matrices)
        here = matrix_is_own or any(name in telling for name in own)
        yield from (name for name in own if name in telling or (here and name in same))


def looks_initialised(matrix: Tensor) -> bool:
    """Whether a matrix looks as one of the usual initialisers draws it: around 0, of a usual spread, without tails."""
    values = matrix.detach().double().reshape(-1)
    spread = float(values.std())
    if not spread or abs(float(values.mean())) > 5 * spread / math.sqrt(len(values)):
        return False
    excess = float(((values - values.mean()) / spread).pow(4).mean()) - 3
    if not STRAIGHT[0] <= excess <= STRAIGHT[1] + 25 / math.sqrt(len(values)):
        return False
    near = 5 / math.sqrt(2 * len(values)) + 0.02
    return any(abs(spread / usual - 1) <= near for usual in _usual_spreads(matrix))


def _usual_spreads(matrix: Tensor) -> tuple[float, ...]:
    """Of PyTorch's default, He's and Glorot's initialisers, and of the normal distributions of transformers."""
    inputs = matrix[0].numel()
    outputs = matrix.numel() // matrix.shape[1]
    scaled = (1 / math.sqrt(3 * inputs), *(math.sqrt(2 / n) for n in (inputs, outputs, inputs + outputs)))
    return (*scaled, 1 / math.sqrt(inputs), 1.0, 0.02, 0.01)
