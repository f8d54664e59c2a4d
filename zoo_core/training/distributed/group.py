"""Several processes that train one model: `World` by `torch.distributed`."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import Store  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from zoo_core.errors import ZooError
from zoo_core.training.evaluation import Collector, LossCollector
from zoo_core.training.placement import derive_seed, seed_everything

from .collecting import Gathered, WholeLosses
from .process_rank import Place
from .world import BEGUN, World

T = TypeVar("T")

PREPARING = timedelta(days=2)
"""How long processes wait for the first one of their machine, which prepares the data for all."""
_LOST = ("gloo/transport", "Connection closed by peer", "Connection reset by peer", "NCCL", "Timed out waiting")


class LostProcessError(ZooError):
    """Another process of the training has ended, or does not answer: what it had to say, it has said itself."""


def lost_process() -> LostProcessError:
    """The error of a process that another one has left."""
    return LostProcessError(
        "another process of this training has ended, or does not answer",
        hint="what it says of that stands above, or in its own log; the same command with --resume goes on",
    )


class Group(World):
    """Each process has the whole module, and gradients are averaged by DistributedDataParallel."""

    def __init__(self, place: Place, store: Store, *, backend: str) -> None:
        self.rank, self.size, self.backend = place.rank, place.size, backend
        self._place, self._store = place, store
        self._trained: DistributedDataParallel | None = None

    def begun(self, name: str, folder: Path) -> None:
        super().begun(name, folder)
        if self.is_first:
            self._store.set(BEGUN, name)

    def computing(self, module: nn.Module, compute: Callable[..., T]) -> Callable[..., T]:
        """A module around `compute`, so that it may call the other one as it likes.

        That parts may be unused is looked for with each batch: a batch, and above all a process, may leave some out.
        And so buckets stay as they are: sums are added in the same order by a process that was started anew.
        """
        if not any(parameter.requires_grad for parameter in module.parameters()):
            return compute
        self._trained = DistributedDataParallel(_Computation(module, compute), find_unused_parameters=True)
        return self._trained

    def begin_step(self, *, seed: int, epoch: int, step: int) -> None:
        """Generators are seeded anew from seed, epoch, step and rank: a run goes on with them on any number of
        processes."""
        seed_everything(derive_seed(seed, epoch, "step", step, self.rank))

    def reducing(self, *, now: bool) -> contextlib.AbstractContextManager[None]:
        if now or self._trained is None:
            return contextlib.nullcontext()
        waiting: contextlib.AbstractContextManager[None] = self._trained.no_sync()
        return waiting

    def part(self, own: float, *, whole: float) -> float:
        return self.size * own / whole

    def sum(self, value: float) -> float:
        summed = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(summed)
        return float(summed)

    def mean(self, loss: Tensor, *, part: float) -> Tensor:
        summed = loss.detach() * (part / self.size)
        dist.all_reduce(summed)
        return summed

    def collecting(self, collector: Collector | LossCollector, *, sizes: Sequence[int]) -> Gathered | WholeLosses:
        if isinstance(collector, LossCollector):
            return WholeLosses(collector, sizes)
        return Gathered(collector, self)

    def settle(self, module: nn.Module) -> None:
        for buffer in module.buffers():
            dist.broadcast(buffer, 0)

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        found = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return tuple(map(bool, found.tolist()))

    def told(self, value: T) -> T:
        """As pickle, which comes from no file: from one process of this training to the others."""
        box = [_written(value) if self.is_first else b""]
        dist.broadcast_object_list(box, 0)
        told: T = torch.load(io.BytesIO(box[0]), weights_only=False)
        return told

    def gathered(self, value: T) -> list[T]:
        """What each process gives, in their order, for the first one; nothing for the others."""
        found: list[Any] = [None] * self.size
        dist.gather_object(value, found if self.is_first else None)
        return found if self.is_first else []

    def copied(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        return super().copied(tensors) if self.is_first else {}

    def wait(self) -> None:
        self.any_of(False)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process of each machine does it first, and then the others of that machine."""
        key = f"prepared/{self._place.restarts}/{self._place.machine}"
        if self._place.local_rank:
            self._store.wait([key], PREPARING)
            yield
        else:
            yield
            self._store.set(key, "")

    def in_words(self, error: BaseException) -> ZooError | None:
        if isinstance(error, ZooError):
            return None
        lost = isinstance(error, dist.DistError) or (
            isinstance(error, RuntimeError) and any(sign in str(error) for sign in _LOST)
        )
        return lost_process() if lost else None


def _written(value: Any) -> bytes:
    """By torch, whose tensors of numbers without a sign have no other way."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


class _Computation(nn.Module):
    """What is computed of a batch with a module, as a module of its own."""

    def __init__(self, module: nn.Module, compute: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        self._compute = compute

    def forward(self, *batch: Any) -> Any:
        return self._compute(*batch)
