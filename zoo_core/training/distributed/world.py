"""What a training asks of its processes, and the answers of one that is alone."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zoo_core.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from zoo_core.training.evaluation import Collector, LossCollector
    from zoo_core.training.state import TrainState

T = TypeVar("T")

BEGUN = "run"
"""Under which key the name of the run is kept where processes meet, for those that torchrun starts anew."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """The places of a batch that a process computes, from `start` to `stop`; the first `own` of them are its share.

    One whose share is empty computes some that others answer for, and nothing of it counts: all processes of a step
    have to take part in it.
    """

    start: int
    stop: int
    own: int


class World:
    """The processes of a training, seen from one of them: here the only one. `Group` is several of them.

    Each has the whole module, or a part of each of its parameters, and computes its share of each batch: a training of
    any number of processes takes the same steps with the same samples. What is written and told, the first one writes
    and tells. Every method is called by all processes, or by none.
    """

    rank = 0
    size = 1
    backend = ""
    shards = False
    """Whether each process has a part of each parameter, and not the whole module."""
    folder = Path()
    """Where the run keeps what it goes on from."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes, and tells people."""
        return self.rank == 0

    def share(self, start: int, stop: int, *, least: int = 2) -> Share:
        """What this process computes of the places from `start` to `stop` of an epoch.

        Nobody has fewer than `least` samples of a batch, or else none: batch normalisation cannot train on one.
        """
        count = stop - start
        sharing = max(1, min(self.size, count // least))
        if self.rank >= sharing:
            return Share(start=start, stop=min(start + least, stop), own=0)
        own, more = divmod(count, sharing)
        first = start + self.rank * own + min(self.rank, more)
        own += self.rank < more
        return Share(start=first, stop=first + own, own=own)

    def begun(self, name: str, folder: Path) -> None:
        """The run of that name is there, and can be gone on with; `folder`: where it keeps what it goes on from."""
        self.folder = folder

    def taken_up(self, state: TrainState, module: nn.Module, optimizer: Optimizer) -> TrainState:
        """What a run goes on from, with those tensors that this process has."""
        return state if state.shards is None else state.with_tensors(state.shards.whole())

    def laid_out(self, module: nn.Module) -> nn.Module:
        """The module with filters as they are computed fastest."""
        import torch

        return module.to(memory_format=torch.channels_last)

    def prepare(self, module: nn.Module) -> None:
        """Make of a module what an optimizer is then made for."""

    def computing(self, module: nn.Module, compute: Callable[..., T]) -> Callable[..., T]:
        """`compute`, which calls the module, as it is called to train it."""
        return compute

    def begin_step(self, *, seed: int, epoch: int, step: int) -> None:
        """That step comes next: what is random in the module is drawn for it."""

    def reducing(self, *, now: bool) -> contextlib.AbstractContextManager[None]:
        """While a batch is computed: whether gradients are summed over the processes right after it, or wait."""
        return contextlib.nullcontext()

    def part(self, own: float, *, whole: float) -> float:
        """What the mean loss of this process counts for where gradients are averaged over the processes: its weights
        by those of the `whole` batch."""
        return 1.0

    def sum(self, value: float) -> float:
        """The sum over the processes."""
        return value

    def mean(self, loss: Tensor, *, part: float) -> Tensor:
        """The mean loss of the whole batch, from this process's mean and its `part`."""
        return loss

    def length(self, norm: Tensor) -> Tensor:
        """The length of a gradient of which this process may have a part."""
        return norm

    def collecting(
        self, collector: Collector | LossCollector, *, sizes: Sequence[int]
    ) -> Collector | LossCollector | Any:
        """What collects the batches of all processes, of so many samples each, in the collector of the first one."""
        return collector

    def settle(self, module: nn.Module) -> None:
        """Running statistics become those of the first process."""

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether it is set in one of the processes."""
        return flags

    def told(self, value: T) -> T:
        """What the first process says."""
        return value

    def kept(self, state: TrainState) -> TrainState:
        """The same, as it is written and gone on with; `state` has tensors as this process has them."""
        return dataclasses.replace(
            state,
            module=self.copied(state.module),
            average=self.copied(state.average),
            optimizer={number: self.copied(values) for number, values in state.optimizer.items()},
        )

    def copied(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Whole copies on the CPU, of those that are tensors; only the first process needs them."""
        return {name: _copy(value) for name, value in tensors.items()}

    def wait(self) -> None:
        """Until all processes are here."""

    def in_words(self, error: BaseException) -> ZooError | None:
        """What an error means that comes of another process; None for any other error."""
        return None


def _copy(value: Any) -> Any:
    return value.detach().cpu().clone() if hasattr(value, "detach") else value


ALONE = World()
