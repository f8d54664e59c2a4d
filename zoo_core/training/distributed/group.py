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
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

from zoo_core.errors import ZooError
from zoo_core.records import counted
from zoo_core.training.evaluation import Collector, LossCollector
from zoo_core.training.placement import derive_seed, seed_everything

from .collecting import Gathered, WholeLosses
from .process_rank import Place
from .telling import is_first_to_fail
from .world import BEGUN, World

T = TypeVar("T")

PATIENCE = timedelta(minutes=10)
"""How long one process waits for another one before it gives up: longer than the first one writes anything."""
MEETING = 300.0
"""How long a process looks for the place where the others are, which may still be starting."""
PREPARING = timedelta(days=2)
"""How long processes wait for the first one of their machine, which prepares the data for all."""
_LOST = ("gloo/transport", "Connection closed by peer", "Connection reset by peer", "NCCL", "Timed out waiting")


_known: dict[Place, Store] = {}


class LostProcessError(ZooError):
    """Another process of the training has ended, or does not answer: what it had to say, it has said itself."""


def backend_for(device: str) -> str:
    """What processes talk with whose tensors are on that device: what is not on an accelerator goes by gloo."""
    return "cpu:gloo,cuda:nccl" if torch.device(device).type == "cuda" else "gloo"


def store_of(place: Place, *, seconds: float = MEETING) -> Store:
    """Where the processes of a training meet: torchrun has it, and keeps it when it starts them anew."""
    if place in _known:
        return _known[place]
    listens, patience = place.first_listens and place.rank == 0, timedelta(seconds=seconds)
    try:
        _known[place] = TCPStore(place.address, place.port, is_master=listens, wait_for_workers=False, timeout=patience)
        return _known[place]
    except (RuntimeError, dist.DistError) as error:
        raise ZooError(
            f"process {place.rank} cannot reach {place.address}, port {place.port}, where the processes meet",
            hint="MASTER_ADDR and MASTER_PORT are of the first machine, which the others have to reach",
        ) from error


@contextlib.contextmanager
def joined(place: Place, store: Store, *, device: str, shard: bool) -> Iterator[Group]:
    """This process among those of its training, which wait for each other here. `shard`: each has parts alone."""
    if torch.device(device).type == "cuda":
        if place.local_rank >= (count := torch.cuda.device_count()):
            raise ZooError(
                f"process {place.rank} is the {place.local_rank + 1}. of a machine that has {counted(count, 'GPU')}",
                hint=f"{count} processes on each machine at most, or --device cpu",
            )
        torch.cuda.set_device(place.local_rank)
    meeting = PrefixStore(f"zoo/{place.restarts}", store)
    backend = backend_for(device)
    try:
        dist.init_process_group(backend, store=meeting, rank=place.rank, world_size=place.size, timeout=PATIENCE)
    except (RuntimeError, dist.DistError) as error:
        raise _lost() from error
    group = _kind(shard=shard)(place, store, backend=backend)
    try:
        group.wait()  # what all have looked at, such as names that are free, changes only now
        yield group
    except LostProcessError:
        raise
    except Exception as error:
        if (lost := group.in_words(error)) is not None:
            raise lost from error
        is_first_to_fail(place)  # before the others hear that this process is gone
        raise
    finally:
        dist.destroy_process_group()


def _lost() -> LostProcessError:
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
        return _lost() if lost else None


def _written(value: Any) -> bytes:
    """By torch, whose tensors of numbers without a sign have no other way."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _kind(*, shard: bool) -> type[Group]:
    if not shard:
        return Group
    from .sharded import ShardedGroup

    return ShardedGroup


class _Computation(nn.Module):
    """What is computed of a batch with a module, as a module of its own."""

    def __init__(self, module: nn.Module, compute: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        self._compute = compute

    def forward(self, *batch: Any) -> Any:
        return self._compute(*batch)
