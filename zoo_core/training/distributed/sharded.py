"""Several processes that each keep a part of every parameter, for what does not fit into the memory of one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from zoo_core.errors import UsageError
from zoo_core.training.state import TrainState, named_tensors, plain_values

from .group import Group
from .shard_files import load_into, save_shards, sizes_in

T = TypeVar("T")


class ShardedGroup(Group):
    """Each process keeps its part of each parameter, of its gradient and of what the optimizer remembers of it; whole
    they are while their layer is computed, by `fully_shard` of torch."""

    shards = True

    def laid_out(self, module: nn.Module) -> nn.Module:
        return module  # parts of filters have no such layout

    def prepare(self, module: nn.Module) -> None:
        """Cut the parameters, layer by layer. Raises UsageError for parameters that are used in several layers."""
        device = next(module.parameters()).device.type
        mesh = init_device_mesh(device, (self.size,))
        for unit in _units(module):
            fully_shard(unit, mesh=mesh)
        try:
            fully_shard(module, mesh=mesh)
        except (ValueError, RuntimeError, AssertionError) as error:
            raise UsageError(
                f"the model cannot be cut into parts: {' '.join(str(error).split())[:200]}", hint="leave out shard"
            ) from error
        self._module = module

    def computing(self, module: nn.Module, compute: Callable[..., T]) -> Callable[..., T]:
        return compute

    def begin_step(self, *, seed: int, epoch: int, step: int) -> None:
        super().begin_step(seed=seed, epoch=epoch, step=step)
        self.settle(self._module)

    @contextlib.contextmanager
    def _synced(self, now: bool) -> Iterator[None]:
        if isinstance(self._module, FSDPModule):
            self._module.set_requires_gradient_sync(now)
        yield

    def reducing(self, *, now: bool) -> contextlib.AbstractContextManager[None]:
        return self._synced(now)

    def length(self, norm: Tensor) -> Tensor:
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def copied(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in tensors.items():
            whole = value.full_tensor() if isinstance(value, DTensor) else value
            if self.is_first:
                found[name] = whole.detach().cpu().clone()
        return found

    def kept(self, state: TrainState) -> TrainState:
        """All write their parts, into a folder of this moment's own: what was written before stays whole."""
        batches = 0 if state.part is None else state.part.batches
        name = self.told(f"shards-{state.epoch}-{batches}-{os.urandom(4).hex()}")
        tensors = {key: value.detach() for key, value in named_tensors(state).items()}
        shards = save_shards(tensors, self.folder / name, first=self.is_first)
        return dataclasses.replace(state, module={}, average={}, optimizer=plain_values(state.optimizer), shards=shards)

    def taken_up(self, state: TrainState, module: nn.Module, optimizer: torch.optim.Optimizer) -> TrainState:
        """The state in parts, from a checkpoint of parts or of whole tensors."""
        own = dict(module.state_dict())
        parameters = [each for group in optimizer.param_groups for each in group["params"]]
        if state.shards is None:
            return dataclasses.replace(
                state,
                module={name: _cut(value, own.get(name)) for name, value in state.module.items()},
                average={name: _cut(value, own.get(name)) for name, value in state.average.items()},
                optimizer={
                    number: {name: _cut(value, parameters[number]) for name, value in values.items()}
                    for number, values in state.optimizer.items()
                },
            )
        like = {f"{kind}.{name}": value for kind in ("module", "average") for name, value in own.items()}
        targets: dict[str, Tensor] = {}
        for name, (size, dtype) in sizes_in(state.shards).items():
            kind, _, rest = name.partition(".")
            model = parameters[int(rest.partition(".")[0])] if kind == "optimizer" else like.get(name)
            targets[name] = _cut(torch.zeros(size, dtype=dtype), model)
        load_into(targets, state.shards)
        return state.with_tensors(targets)


def _units(module: nn.Module) -> list[nn.Module]:
    """The layers that are gathered one at a time: the module's own parts, or those of its lists and sequences."""
    found: list[nn.Module] = []
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            found += _units(child)
        elif any(True for _ in child.parameters()):
            found.append(child)
    return found


def _cut(value: Any, like: Any) -> Any:
    """This process's part, where what it is like is in parts; the shape tells whether it is alike."""
    if isinstance(value, Tensor) and isinstance(like, DTensor) and value.shape == like.shape:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
    return value
