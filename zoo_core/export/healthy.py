"""Healthy parameters: fresh weights changed so that every part of a model shows in its outputs, and can be checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from zoo_core.errors import NotVerifiedError

from .loading import load_strictly
from .reference import plain_attention

TINY = 1e-3
"""A vector that is nowhere larger hides what it scales: layer scales begin at 1e-4 to 1e-6, some gammas at 0."""
TINY_MATRIX = 1e-2
"""A matrix whose root mean square is that part of a usual one (1 / sqrt(fan-in)) is a head that begins at zero."""
AROUND_ONE = (0.5, 1.5)
BIAS = (-0.1, 0.1)
NORM_BIAS = (0.5, 1.0)
"""For norms with statistics, which are mostly followed by a ReLU: fresh nets of them amplify each difference, rounding
too, layer by layer, the less the fewer values a ReLU cuts off. Measured against biases of -0.1 to 0.1: floors from
1.1e-4 to 5e-6 (fcn_resnet50), 5.9e-5 to 1.1e-5 (inception_v3), 4.3e-5 to 1.1e-6 (resnext50)."""
LARGEST_OUTPUT = 1e6
STRENGTHS = (1.0, 0.1, 0.01)
"""What parameters near zero are raised to, relative to 1; the smaller ones for nets that explode with the larger."""
VARIANCE_FLOOR = 1e-2
"""Of a layer's mean variance: a channel that the few rows left asleep must not amplify what wakes it later."""

Passes = list[tuple[Tensor, ...]]


def healthy_checkpoint(
    build: Callable[[], nn.Module],
    checkpoint: Mapping[str, Tensor],
    *,
    inputs: Mapping[str, Tensor],
    batched: bool = True,
    settle: Callable[[nn.Module], None] | None = None,
    seed: int = 0,
) -> dict[str, Tensor]:
    """The checkpoint of fresh weights, made healthy: bit-equal for equal arguments, whatever else draws numbers.

    Trainable parameters that are constant or near zero are drawn anew, each from a generator seeded by its name; then
    batch statistics are measured on `inputs`, plausible rows in the order of `forward`: at least 2, better 8, in one
    batch, or one after the other where `batched` is False, for models that take one row at a time. `settle(module)`
    comes last. Frozen parameters and other buffers stay; a model without trainable parameters is not altered at all.
    Raises NotVerifiedError when the model cannot be run on `inputs`.
    """
    passes = _passes(inputs, batched=batched)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), plain_attention():
        for strength in STRENGTHS:
            torch.manual_seed(seed)
            module = build()
            load_strictly(module, checkpoint)
            module.eval()
            if not any(parameter.requires_grad for parameter in module.parameters()):
                return dict(checkpoint)
            raised = _redraw(module, strength=strength, seed=seed)
            largest = _calibrate(module, passes)
            if not raised or largest < LARGEST_OUTPUT:  # a NaN is not below anything
                break
        if settle is not None:
            torch.manual_seed(seed)
            settle(module)
        return {name: tensor.detach() for name, tensor in module.state_dict().items()}


def _passes(inputs: Mapping[str, Tensor], *, batched: bool) -> Passes:
    if batched:
        return [tuple(inputs.values())]
    rows = len(next(iter(inputs.values())))
    return [tuple(value[row : row + 1] for value in inputs.values()) for row in range(rows)]


def _owned_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Every trainable parameter once (tied ones under their first name), with the module that holds it."""
    seen: set[int] = set()
    for path, owner in module.named_modules():
        for name, parameter in owner.named_parameters(prefix=path, recurse=False):
            if id(parameter) not in seen and parameter.requires_grad and parameter.numel():
                seen.add(id(parameter))
                yield name, owner, parameter


def _redraw(module: nn.Module, *, strength: float, seed: int) -> bool:
    """Draw constant and near-zero parameters anew; True when one of them was near zero, and no bias."""
    raised = False
    for name, owner, parameter in _owned_parameters(module):
        constant = parameter.numel() > 1 and bool((parameter == parameter.reshape(-1)[0]).all())
        if _is_bias(name):
            if constant or float(parameter.abs().max()) < TINY:
                low, high = NORM_BIAS if isinstance(owner, _NormBase) else BIAS
                parameter.add_(_uniform(name, parameter, low, high, seed=seed))
        elif _is_near_zero(parameter, owner):
            raised = True
            parameter.copy_(strength * _in_place_of_zero(name, owner, parameter, seed=seed))
        elif constant:
            parameter.mul_(_uniform(name, parameter, *AROUND_ONE, seed=seed))
    return raised


def _in_place_of_zero(name: str, owner: nn.Module, parameter: Tensor, *, seed: int) -> Tensor:
    if _is_matrix(parameter, owner):
        limit = math.sqrt(3 / _fan_in(parameter, owner))
        return _uniform(name, parameter, -limit, limit, seed=seed)
    drawn = _uniform(name, parameter, *AROUND_ONE, seed=seed)
    if bool(parameter.any()):
        return drawn * torch.where(parameter < 0, -1.0, 1.0)
    if _is_norm(owner):
        return drawn
    # A gamma is positive; another vector of zeros may be a gate or a token, and tokens have both signs.
    return drawn * _uniform(f"{name}/sign", parameter, -1.0, 1.0, seed=seed).sign()


def _uniform(name: str, parameter: Tensor, low: float, high: float, *, seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(parameter.shape, generator=generator) * (high - low) + low


def _is_bias(name: str) -> bool:
    last = name.rpartition(".")[2].lower()
    return "bias" in last or last == "beta"


def _is_norm(owner: nn.Module) -> bool:
    return isinstance(owner, _NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)


def _is_linear(owner: nn.Module) -> bool:
    return isinstance(owner, nn.Linear | _ConvNd)


def _is_matrix(parameter: Tensor, owner: nn.Module) -> bool:
    """Whether it mixes values; a vector, of the shape (C,) or (C, 1, 1), scales each of them."""
    return parameter.ndim > 1 and (_is_linear(owner) or parameter[0].numel() > 1)


def _is_near_zero(parameter: Tensor, owner: nn.Module) -> bool:
    if not _is_matrix(parameter, owner):
        return float(parameter.abs().max()) < TINY
    usual = 1 / math.sqrt(_fan_in(parameter, owner))
    return float(parameter.square().mean().sqrt()) < TINY_MATRIX * usual


def _fan_in(parameter: Tensor, owner: nn.Module) -> float:
    """How many values are summed up for one output."""
    if isinstance(owner, _ConvTransposeNd):
        return max(1.0, parameter.numel() / parameter.shape[1] / owner.groups / math.prod(owner.stride))
    if parameter.shape[0] == 1 and not _is_linear(owner):
        return parameter.shape[-1]  # a token, or embeddings of positions: nothing is summed but the features
    return parameter[0].numel()


def _calibrate(module: nn.Module, passes: Passes) -> float:
    """Measure the statistics of every norm that keeps some; the largest output found on the way (NaN: not finite)."""
    norms = [
        _Measured(part)
        for part in module.modules()
        if isinstance(part, _NormBase) and part.running_mean is not None and part.running_var is not None
    ]
    try:
        largest = _sweep(module, norms, passes)
        if any(norm.single for norm in norms):
            # Now that these have statistics, what comes after them sees what it will see.
            largest = _sweep(module, norms, passes)
    finally:
        for norm in norms:
            norm.release()
    return largest


def _sweep(module: nn.Module, norms: list[_Measured], passes: Passes) -> float:
    for norm in norms:
        norm.begin()
    largest = 0.0
    for arguments in passes:
        try:
            result = module(*arguments)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            shapes = ", ".join(str(tuple(argument.shape)) for argument in arguments)
            text = " ".join(str(error).split())[:300]
            raise NotVerifiedError(
                f"the model fails on plausible inputs of the shape {shapes}: {type(error).__name__}: {text}",
                hint="ZOO_DEBUG=1 shows where",
            ) from error
        sizes = [float(tensor.abs().max()) for tensor in _tensors(result) if tensor.numel()]
        largest = max([largest, *sizes], key=lambda size: math.inf if math.isnan(size) else size)
    for norm in norms:
        norm.end()
    return largest


def _tensors(result: Any) -> Iterator[Tensor]:
    """Every floating tensor in what a model returns."""
    if isinstance(result, Tensor):
        if result.is_floating_point():
            yield result
    elif isinstance(result, Mapping):
        for item in result.values():
            yield from _tensors(item)
    elif isinstance(result, list | tuple):
        for item in result:
            yield from _tensors(item)


class _Measured:
    """A norm whose statistics are measured: cumulative averages of its own training mode.

    Where a batch has a single value a channel (a map of 1 by 1, one row at a time), training mode has no variance to
    work with: the norm then stays in eval mode, and the values of all passes together give the statistics.
    """

    def __init__(self, norm: _NormBase) -> None:
        self.norm = norm
        self.single: list[Tensor] = []
        self._hook = norm.register_forward_pre_hook(self._before)
        self._calls = 0
        norm.reset_running_stats()

    def begin(self) -> None:
        """Forget what was measured by training mode; statistics of single values stay for the next sweep."""
        if not self.single:
            self.norm.reset_running_stats()
        self.single = []
        self._calls = 0

    def _before(self, norm: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        value = arguments[0]
        per_row = isinstance(norm, _InstanceNorm)
        count = value.numel() // (self.norm.num_features * (len(value) if per_row else 1))
        norm.train(count > 1)
        if count > 1:
            self._calls += 1
            # momentum=None is the cumulative average of a BatchNorm; an InstanceNorm takes it for 0.
            self.norm.momentum = 1 / self._calls if per_row else None
        else:
            self.single.append(value.reshape(-1, self.norm.num_features))

    def end(self) -> None:
        """Turn what was collected into statistics, and keep sleeping channels from amplifying."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        if mean is None or variance is None:
            return
        if self.single and not self._calls:
            values = torch.cat(self.single)
            mean.copy_(values.mean(dim=0))
            if len(values) > 1:
                variance.copy_(values.var(dim=0))
        floor = VARIANCE_FLOOR * float(variance.mean())
        variance.clamp_(min=floor) if floor > 0 else variance.fill_(1.0)

    def release(self) -> None:
        """Back to eval mode, without the hook."""
        self._hook.remove()
        self.norm.eval()
