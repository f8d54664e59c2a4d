"""An epoch on its way: how far it is, and the sums that a resumed run goes on with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo_core.errors import ZooError, in_words

from .evaluation import Collector, LossCollector
from .packing import packed, unpacked
from .placement import generator_states, restore_generators
from .updates import Updates


@dataclass(frozen=True, kw_only=True)
class PartOfEpoch:
    """The part of an epoch that is done: the first `batches` of its `steps`, which took so many seconds.

    `sums`: plain JSON of what was measured so far and of where random generators stand, `tensors` what it refers to.
    """

    batches: int
    steps: int
    seconds: float
    sums: Any
    tensors: Mapping[str, Tensor]


class EpochUnderWay:
    """How far an epoch is, counted in `batches` of its `steps`. It begins after `part`, which has the sums of what was
    done before; without one, at its first batch."""

    def __init__(
        self,
        seen: Collector | LossCollector,
        updates: Updates,
        *,
        steps: int,
        device: str,
        part: PartOfEpoch | None,
    ) -> None:
        self._seen, self._updates, self._device = seen, updates, device
        self._generators: dict[str, Any] | None = None
        self.steps = steps
        self.batches = 0
        self.earlier = 0.0
        """Seconds that went into it before this process took it up."""
        if part is not None:
            self._take_up(part)
        self._began = time.perf_counter()

    def _take_up(self, part: PartOfEpoch) -> None:
        self.batches, self.earlier = part.batches, part.seconds
        try:
            sums = unpacked(part.sums, dict(part.tensors))
            self._seen.restore(sums["seen"])
            self._updates.restore(sums["updates"])
            restore_generators(sums["generators"], self._device)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise ZooError(
                f"the checkpoint cannot be taken up within its epoch: {in_words(error)}",
                hint="it was written for another task, or by another version; begin the training again",
            ) from error

    def trained(self) -> None:
        """All its batches are done: where the generators stand now is where it goes on, whatever measuring draws."""
        self._generators = generator_states(self._device)

    def part(self) -> PartOfEpoch:
        """What is done of it, copied. Raises NotPlainError where the task's tally keeps what cannot be saved."""
        generators = self._generators or generator_states(self._device)
        tensors: dict[str, Tensor] = {}
        sums = {"seen": self._seen.state(), "updates": self._updates.state(), "generators": generators}
        return PartOfEpoch(
            batches=self.batches,
            steps=self.steps,
            seconds=self.earlier + time.perf_counter() - self._began,
            sums=packed(sums, tensors, "part"),
            tensors=tensors,
        )
