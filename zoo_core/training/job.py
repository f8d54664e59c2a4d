"""What a trainer is given: everything that was decided before the first step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .distributed.world import ALONE, World

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo_core.data import Samples
    from zoo_core.tasks import Task

    from .directory import RunDirectory
    from .part_of_epoch import PartOfEpoch
    from .state import TrainState
    from .training_plan import TrainingPlan


def _quiet(step: int, steps: int) -> None:
    """Nobody is watching."""


def _unheard(plan: TrainingPlan) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, kw_only=True)
class TrainJob:
    """One training, from the first step or from `state`.

    `module` is on `device`, its weights made from `seed`. `outputs` are the names of its outputs, in order, and `named`
    finds them in what it returns; `read_outputs` is that of its spec.
    `config` is the trainer's own dataclass. `augment`: what may be done to samples of this dataset. `loss`: the model's
    own in place of the task's; `losses` in place of forward and loss, as in its spec. `run` is None when nothing shall
    be written. `on_batch(step, steps)` is called after each batch of an epoch; steps count from 1. `schedule_start`:
    epochs that were done when the schedule began, above 0 where a finished run was extended; then it is for the epochs
    from there to `epochs`. `on_plan(plan)` is told before the first step how it computes. `world`:
    the processes that train it together; what they keep is written by the first.
    """

    module: nn.Module
    train: Samples
    validation: Samples
    task: Task
    outputs: tuple[str, ...]
    read_outputs: Callable[[Any], Any] | None = None
    config: Any
    epochs: int
    schedule_start: int = 0
    seed: int
    device: str = "cpu"
    augment: tuple[str, ...] = ()
    loss: Callable[[Any, Any], Any] | None = None
    losses: Callable[[Any, Any, Any], Mapping[str, Any]] | None = None
    run: RunDirectory | None = None
    state: TrainState | None = None
    on_batch: Callable[[int, int], None] = _quiet
    on_plan: Callable[[TrainingPlan], None] = _unheard
    world: World = ALONE

    def part_of(self, epoch: int) -> PartOfEpoch | None:
        """What is done already of an epoch: of the one that the checkpoint was written in."""
        return self.state.part if self.state is not None and epoch == self.state.epoch + 1 else None

    @property
    def is_kept(self) -> bool:
        """Whether something is written of it, here or by the first of its processes."""
        return self.run is not None or not self.world.is_first

    def forward(self, inputs: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of `module`, by name, for a batch of the feed. Raises ZooError when it gives others."""
        from zoo_core.torch_modules import called

        return self.named(called(self.module, inputs))

    def named(self, result: Any) -> dict[str, Tensor]:
        """What `module` returned, by the names of its outputs. Raises ZooError when it gives others."""
        from zoo_core.torch_modules import named_outputs

        return named_outputs(result, self.outputs, self.read_outputs)
