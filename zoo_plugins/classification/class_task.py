"""What tasks of classes share: the loss, and whether outputs have a column for each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from zoo_core import IGNORED, ZooError
from zoo_core.tasks import Task, TrainingLoss

from .decisions import ClassDecisions


class ClassTask(Task):
    """One of K classes for each sample, or for each of its places."""

    @property
    def deciding(self) -> ClassDecisions:
        """The class with the largest logit."""
        raise NotImplementedError

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """Cross-entropy, or bce for one logit; "cross-entropy", "bce" or "focal" by name, for masks also "dice",
        several as a sum."""
        from .losses_net import class_loss

        return class_loss(self.deciding, name=name, label_smoothing=label_smoothing)

    def check_fit(
        self, outputs: Mapping[str, tuple[int, ...]], targets: NDArray[Any], *, count: int, model: str
    ) -> None:
        """There is a column for each class, and outputs have the places of the masks."""
        deciding = self.deciding
        found = outputs[deciding.output(outputs)]
        places = targets.shape[1:]
        counted = targets[targets != IGNORED] if places else targets
        classes = int(counted.max(initial=0)) + 1
        shape = (*found, 1) if len(found) == 1 and deciding.one_logit and not deciding.places else found
        if len(shape) > 1 and shape[0] == count and shape[2:] == places and _told(shape[1], deciding) >= classes:
            return
        samples_shown = f"samples of {classes} classes"
        hint = "one row of logits a sample, one column a class"
        if places:
            samples_shown = f"masks of {' x '.join(map(str, places))} places and {classes} classes"
            hint = "logits of shape (samples, classes, ...), with the places of the masks"
        raise ZooError(f"model {model!r} returned shape {found} for {count} {samples_shown}", hint=hint)


def _told(columns: int, deciding: ClassDecisions) -> int:
    """How many classes that many columns tell apart: one logit tells two, where the task takes one."""
    return 2 if columns == 1 and deciding.one_logit else columns
