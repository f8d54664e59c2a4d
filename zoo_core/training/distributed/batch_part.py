"""What the loss of one process counts for in the loss of a whole batch."""

from __future__ import annotations

from zoo_core.tasks import TrainingLoss
from zoo_core.training.feed import Feed, Targets
from zoo_core.training.sample_losses import SampleLosses

from .world import World


def part_of_batch(world: World, feed: Feed, loss: TrainingLoss | None, targets: Targets, *, step: int) -> float:
    """By samples, or by what these weigh; of all processes together so that the mean gradient is that of the batch."""
    if world.size == 1:
        return 1.0
    own, whole = feed.own(step), feed.sizes[step - 1]
    if not isinstance(loss, SampleLosses) or not loss.weighs:
        return world.part(own, whole=whole)
    weights = loss.weight(targets) if own else 0.0
    return world.part(weights, whole=world.sum(weights))
