"""The statistics of norms that keep some, measured on plausible inputs in their own training mode."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from zoo_core.torch_modules import forward_of

VARIANCE_FLOOR = 1e-2
"""Of a layer's mean variance: a channel that the few rows left asleep must not amplify what wakes it later."""

Passes = Sequence[tuple[Tensor, ...]]


def keeps_statistics(module: nn.Module) -> bool:
    """Whether a norm of it has statistics of what it has seen."""
    return any(isinstance(part, _NormBase) and part.running_mean is not None for part in module.modules())


def measure_statistics(module: nn.Module, passes: Passes, *, own: Collection[str] = ()) -> float:
    """Measure the statistics of every norm that keeps some; the largest output found on the way (NaN: not finite).

    Each of the `passes` is a batch of plausible inputs, in the order of `forward`. Statistics named in `own` stay.
    Raises NotVerifiedError where the module fails on one.
    """
    norms = [
        _Measured(part)
        for path, part in module.named_modules()
        if isinstance(part, _NormBase) and part.running_mean is not None and part.running_var is not None
        if f"{path}.running_mean".lstrip(".") not in own
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
        result = run(module, arguments)
        sizes = [float(tensor.abs().max()) for tensor in tensors_in(result) if tensor.numel()]
        largest = max([largest, *sizes], key=lambda size: math.inf if math.isnan(size) else size)
    for norm in norms:
        norm.end()
    return largest


def run(module: nn.Module, arguments: Sequence[Tensor]) -> Any:
    """What a module gives for plausible inputs. Raises NotVerifiedError when it fails."""
    shapes = ", ".join(str(tuple(argument.shape)) for argument in arguments)
    with forward_of(f"the model fails on plausible inputs of the shape {shapes}"):
        return module(*arguments)


def tensors_in(result: Any) -> Iterator[Tensor]:
    """Every floating tensor in what a model returns; a sparse one, or one without values, is told elsewhere."""
    if isinstance(result, Tensor):
        if result.is_floating_point() and result.layout is torch.strided and not result.is_meta:
            yield result
    elif isinstance(result, Mapping):
        for item in result.values():
            yield from tensors_in(item)
    elif isinstance(result, list | tuple):
        for item in result:
            yield from tensors_in(item)


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
