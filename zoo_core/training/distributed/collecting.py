"""What the processes of a training have seen, counted by the first one as if it had seen all of it itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.training.evaluation import KEPT_VALUES, Collector, LossCollector


class Gathering(Protocol):
    """Processes whose things the first one is given."""

    size: int

    @property
    def is_first(self) -> bool: ...

    def told(self, value: Any) -> Any: ...

    def gathered(self, value: Any) -> list[Any]: ...


class Gathered:
    """A collector of outputs. They wait where they were computed, and go to the first process many batches at a time.

    The first one counts them in the order that one process alone has: metrics need nothing that adds them up.
    """

    def __init__(self, collector: Collector, world: Gathering) -> None:
        self._collector, self._world = collector, world
        self._waiting: list[tuple[dict[str, Tensor], Tensor]] = []
        self._at_once = 0

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor, loss: Tensor | None = None) -> None:
        """This process's share of a batch: the outputs that have targets."""
        self._waiting.append(({name: value.detach()[: len(targets)] for name, value in outputs.items()}, targets))
        if not self._at_once:
            values = sum(value.numel() for value in outputs.values()) * self._world.size
            self._at_once = self._world.told(max(1, KEPT_VALUES // max(1, values)))
        if len(self._waiting) >= self._at_once:
            self._hand_over()

    def metrics(self, *, where: str) -> dict[str, float]:
        """The task's metrics of everything, for all processes. Raises ZooError as `Collector.metrics` does, in each."""
        self._hand_over()
        found: dict[str, float] | ZooError = {}
        if self._world.is_first:
            try:
                found = self._collector.metrics(where=where)
            except ZooError as error:
                found = error
        told: dict[str, float] | ZooError = self._world.told(found)
        if isinstance(told, ZooError):
            raise told
        return told

    def state(self) -> dict[str, Any]:
        """That of the collector, as one process alone has it."""
        self._hand_over()
        return self._collector.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what was added to another one."""
        self._collector.restore(state)

    def _hand_over(self) -> None:
        own = [({name: value.cpu() for name, value in outputs.items()}, true.cpu()) for outputs, true in self._waiting]
        self._waiting = []
        for shares in zip(*self._world.gathered(own), strict=True):
            for outputs, targets in shares:
                if len(targets):
                    self._collector.add(outputs, targets)


class WholeLosses:
    """A collector of losses, of batches that all processes know the mean losses and sizes of."""

    def __init__(self, collector: LossCollector, sizes: Sequence[int]) -> None:
        self._collector, self._sizes = collector, sizes

    def add(self, outputs: Mapping[str, Tensor], targets: Tensor, loss: Tensor) -> None:
        """A batch, and its loss."""
        self._collector.add_loss(loss, count=self._sizes[self._collector.batches])

    def metrics(self, *, where: str) -> dict[str, float]:
        """`loss`, the mean over the samples."""
        return self._collector.metrics(where=where)

    def state(self) -> dict[str, Any]:
        """That of the collector."""
        return self._collector.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with what was added to another one."""
        self._collector.restore(state)
